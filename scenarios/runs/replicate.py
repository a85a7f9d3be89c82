"""One replication from the study to its file set; runs in whatever process it is sent to."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.runs.halt import is_full
from scenarios.runs.sets import Facts, write_set

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from analysis.metrics import Context
    from scenarios.studies.study import Study

METRICS, CHECKS = "metrics", "checks"
ALWAYS = (METRICS, CHECKS)
"""Tables computed from all tables of a replication, and kept whichever of those are not."""


@dataclass(frozen=True)
class Task:
    """What every replication of a run has in common.

    Attributes
    ----------
    study : Study
        What to simulate.
    folder : Path
        The run folder.
    tables : tuple of str
        Tables to keep; metrics and checks are computed from all of them, kept or not.
    simulate : callable, optional
        ``(timeline, seed, replication) -> Run``; the simulator itself unless a test gives another.
    """

    study: Study
    folder: Path
    tables: tuple[str, ...]
    simulate: Callable[[Any, int, int], Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one replication; ``error`` is empty if its file set is in place.

    Attributes
    ----------
    error, message, trace : str
        Type of the exception, its text, and where it came from.
    disk_full : bool
        The exception says that nothing more can be written.
    """

    replication: int
    steps: int = 0
    seconds: float = 0.0
    error: str = ""
    message: str = ""
    trace: str = ""
    disk_full: bool = False


def replicate(task: Task, replication: int) -> Outcome:
    """Simulate one replication, compute its metrics, write its file set; an exception becomes an outcome."""
    try:
        facts = _replicate(task, replication)
    except Exception as error:
        return Outcome(
            replication,
            error=type(error).__name__,
            message=" ".join(str(error).split()),
            trace=traceback.format_exc(),
            disk_full=is_full(error),
        )
    return Outcome(replication, facts.steps, facts.seconds)


def _replicate(task: Task, replication: int) -> Facts:
    began = time.perf_counter()
    run = simulator(task)(task.study.timeline, task.study.seed, replication)
    tables = arrow_tables(run.tables)
    kept = {name: tables[name] for name in task.tables if name not in ALWAYS}
    kept |= read_off(task.study.config, tables)
    facts = Facts(replication, task.study.digest, {}, int(run.steps), time.perf_counter() - began, tuple(run.warnings))
    return write_set(task.folder, facts, kept)


def simulator(task: Task) -> Callable[[Any, int, int], Any]:
    """The simulator of a task."""
    if task.simulate is not None:
        return task.simulate
    from sim.simulate import simulate

    return simulate


def arrow_tables(tables: dict[str, Any]) -> dict[str, pa.Table]:
    """Tables of the simulator as Arrow tables in the schemas of the run folder."""
    from analysis.tables import to_arrow

    return {name: to_arrow(name, table) for name, table in tables.items()}


def read_off(config: dict[str, Any], tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Metrics and checks of the identities, of one replication."""
    from analysis import identities
    from analysis.metrics import compute
    from analysis.tables import Tables, to_arrow

    frames, context = Tables(tables), metrics_context(config)
    metrics = compute(frames, context)
    return {
        METRICS: to_arrow(METRICS, {column: metrics[column] for column in metrics}),
        CHECKS: checks_table(identities.check(frames, context)),
    }


def checks_table(found: pd.DataFrame) -> pa.Table:
    """Checks of the identities as an Arrow table: replication, identity, lhs, rhs, gap, holds."""
    import pyarrow as pa

    kinds = [
        ("replication", pa.int32()),
        ("identity", pa.dictionary(pa.int32(), pa.string())),
        ("lhs", pa.float64()),
        ("rhs", pa.float64()),
        ("gap", pa.float64()),
        ("holds", pa.bool_()),
    ]
    arrays = [pa.array(found[name].to_numpy()).cast(kind) for name, kind in kinds if name != "identity"]
    arrays.insert(1, pa.array(found["identity"].tolist(), pa.string()).dictionary_encode())
    return pa.Table.from_arrays(arrays, schema=pa.schema(kinds))


def metrics_context(config: dict[str, Any]) -> Context:
    """What the metrics need to know of a study beside its tables."""
    from analysis.metrics import Context
    from scenarios.studies.product_checks import offered

    business, horizon = config["business"], config["horizon"]
    return Context(
        start=horizon["start"],
        days=horizon["days"],
        fiscal_year_start=horizon.get("fiscal_year_start"),
        accounts=config["market"]["accounts"],
        milestones=business["milestones"],
        north_star=business.get("north_star", "active_customers"),
        currency=business.get("currency", "CNY"),
        opened=config["market"].get("opening") is not None,
        offered=tuple(dict.fromkeys(part["product"] for _, part in offered(business))),
    )
