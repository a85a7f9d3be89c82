"""Studies: composed from configuration, run over replications, stored in folders.

``compose`` makes a study, ``run`` runs it, ``forecast`` looks ahead, ``load`` reads what was run. Nothing heavy is
imported before it is used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.compare import compare
    from scenarios.compose import compose
    from scenarios.errors import InputError
    from scenarios.forecast import forecast
    from scenarios.result import load
    from scenarios.run import run
    from scenarios.study import Study

__all__ = ["InputError", "Study", "compare", "compose", "forecast", "load", "run"]

_HOME = {
    "InputError": "scenarios.errors",
    "Study": "scenarios.study",
    "compare": "scenarios.compare",
    "compose": "scenarios.compose",
    "forecast": "scenarios.forecast",
    "load": "scenarios.result",
    "run": "scenarios.run",
}


class _Package(ModuleType):
    """The package, where the names above are the functions even after modules of the same name are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
