"""Settings of all tests, made before anything imports numpy; and which tests share a process.

A module makes its runs, fits and pages once per process. So the tests of a file stay together, and files go to the
processes as these become free, the long ones first.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from scenarios.cli import THREADS

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

for name in THREADS:
    os.environ.setdefault(name, "1")

LONG = (
    "tests/contract/test_compare.py",
    "tests/contract/test_library.py",
    "tests/faults/test_interrupts.py",
    "tests/docs/test_pages.py",
    "tests/theory/test_planted_bias.py",
    "tests/contract/test_defaults.py",
    "tests/contract/test_reproduce_comparison.py",
    "tests/theory/test_flip_promises.py",
    "tests/contract/test_cli.py",
    "tests/theory/test_planted_drivers.py",
    "tests/contract/test_forecast_command.py",
    "tests/contract/test_forecasters.py",
    "tests/contract/test_run_folder.py",
    "tests/contract/test_init.py",
    "tests/unit/test_comparison_report.py",
)
"""Files that take longest, in that order: begun last, one of them would keep one process busy alone at the end."""

APART = ("tests/contract/test_defaults.py", "tests/faults/test_interrupts.py", "tests/docs/test_pages.py")
"""Files whose tests share nothing in memory: there only tests of the same parameter stay together."""


def unit(nodeid: str) -> str:
    """What a test shares its process with, by the identifier of the test."""
    file, _, test = nodeid.partition("::")
    return f"{file}::{test[test.find('[') :] if '[' in test else test}" if file in APART else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the order within a file stays."""
    rank = {file: place for place, file in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Hand out whole units, in the order of collection."""
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    config.option.loadscopereorder = False
    return Units(config, log)
