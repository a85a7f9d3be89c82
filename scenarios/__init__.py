"""Studies: composed from configuration, run over replications, stored in folders.

``compose`` makes a study, ``run`` runs it, ``compare`` sets plans against each other, ``forecast`` looks ahead,
``sweep`` runs an experiment, ``load`` reads what was run. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.comparisons.compare import compare
    from scenarios.errors import InputError
    from scenarios.forecasts.forecast import forecast
    from scenarios.runs.run import run
    from scenarios.studies.compose import compose
    from scenarios.studies.study import Study
    from scenarios.sweeps.experiment import read_experiment
    from scenarios.sweeps.sweep import sweep

__all__ = ["InputError", "Study", "compare", "compose", "forecast", "load", "read_experiment", "run", "sweep"]

_HOME = {
    "InputError": "scenarios.errors",
    "Study": "scenarios.studies.study",
    "compare": "scenarios.comparisons.compare",
    "compose": "scenarios.studies.compose",
    "forecast": "scenarios.forecasts.forecast",
    "read_experiment": "scenarios.sweeps.experiment",
    "run": "scenarios.runs.run",
    "sweep": "scenarios.sweeps.sweep",
}


def load(pattern: str | Path) -> Any:
    """What was run: the folder of a sweep as a ``Sweep``, run folders as one ``Result`` with a column ``run``.

    Parameters
    ----------
    pattern : str or Path
        A folder, or a pattern such as ``runs/*`` of run folders.

    Returns
    -------
    scenarios.runs.result.Result or scenarios.sweeps.folder.Sweep
        Their tables as data frames.

    Raises
    ------
    InputError
        If there is none, or a newer version of the program wrote it.
    """
    from scenarios.runs.result import load as load_runs
    from scenarios.sweeps.folder import Sweep, is_sweep

    return Sweep(Path(pattern)) if is_sweep(Path(pattern)) else load_runs(pattern)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
