"""Settings of all tests, made before anything imports numpy."""

import os

from scenarios.cli import THREADS

for name in THREADS:
    os.environ.setdefault(name, "1")
