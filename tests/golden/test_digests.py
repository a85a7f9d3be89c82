"""Golden digests: the same tables today as yesterday, on another processor, under another hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.studies import GOLDEN, STUDIES, digest

ROOT = Path(__file__).parents[2]
OLDER_PROCESSOR = "X86_V3 X86_V4 AVX512_ICL"


@pytest.mark.parametrize("name", STUDIES)
def test_tables_are_what_they_were(name: str) -> None:
    assert digest(name) == json.loads(GOLDEN.read_text())[name]


def _elsewhere(**environment: str) -> dict[str, str]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.golden.studies"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_another_processor_gives_the_same_tables() -> None:
    """numpy's exp and log differ in the last bit without AVX; no table may notice."""
    assert _elsewhere(NPY_DISABLE_CPU_FEATURES=OLDER_PROCESSOR) == json.loads(GOLDEN.read_text())


def test_another_hash_seed_gives_the_same_tables() -> None:
    assert _elsewhere(PYTHONHASHSEED="4711") == json.loads(GOLDEN.read_text())
