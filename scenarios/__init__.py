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
    from scenarios.comparisons.folder import Comparison
    from scenarios.errors import InputError
    from scenarios.forecasts.folder import ForecastResult
    from scenarios.forecasts.forecast import forecast
    from scenarios.optimise.folder import Optimum
    from scenarios.runs.result import Result
    from scenarios.runs.run import run
    from scenarios.studies.compose import compose
    from scenarios.studies.study import Study
    from scenarios.sweeps.experiment import make_experiment, read_experiment
    from scenarios.sweeps.folder import Sweep
    from scenarios.sweeps.sweep import sweep

__all__ = [
    "InputError", "Study", "compare", "compose", "forecast", "load", "make_experiment", "read_experiment", "run",
    "sweep",
]  # fmt: skip

_HOME = {
    "InputError": "scenarios.errors",
    "Study": "scenarios.studies.study",
    "compare": "scenarios.comparisons.compare",
    "compose": "scenarios.studies.compose",
    "forecast": "scenarios.forecasts.forecast",
    "make_experiment": "scenarios.sweeps.experiment",
    "read_experiment": "scenarios.sweeps.experiment",
    "run": "scenarios.runs.run",
    "sweep": "scenarios.sweeps.sweep",
}

_SHOWN_BY = {
    "compare": ("scenarios.comparisons.folder", "Comparison"),
    "forecast": ("scenarios.forecasts.folder", "ForecastResult"),
    "optimise": ("scenarios.optimise.folder", "Optimum"),
    "sweep": ("scenarios.sweeps.folder", "Sweep"),
}
"""By verb: the class that shows its folder."""


def load(pattern: str | Path) -> Result | Sweep | Comparison | ForecastResult | Optimum:
    """What a command wrote, as data frames.

    Parameters
    ----------
    pattern : str or Path
        The folder of a run, sweep, comparison, forecast or optimisation; or a pattern such as ``runs/*``, of which the
        run folders count.

    Returns
    -------
    Result, Sweep, Comparison, ForecastResult or Optimum
        By what the folder holds. Runs are one ``Result``, whose tables have a column ``run``.

    Raises
    ------
    InputError
        If there is none, or a newer version of the program wrote it.
    """
    from scenarios.runs.manifest import NAME, read_entries
    from scenarios.runs.result import load as load_runs

    path = Path(pattern)
    verb = read_entries(path).get("verb") if (path / NAME).is_file() else None
    if verb not in _SHOWN_BY:
        return load_runs(pattern)
    module, name = _SHOWN_BY[verb]
    return getattr(import_module(module), name)(path)  # type: ignore[no-any-return]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
