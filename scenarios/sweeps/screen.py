"""What ``tobsim sweep`` prints: help, the first rows of the table, what the analyses found in a few lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from scenarios.cards import figure
from scenarios.show import aligned, verb_help
from scenarios.sweeps.folder import FRAMES
from scenarios.sweeps.rules import first_rows

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.sweeps.folder import Sweep

MOST = 3
"""Keys that are told of each metric."""

SHOWN, DIGITS = ("mean", "ci_low", "ci_high"), 4
"""Figures of the table, and digits of those below a thousand."""

HORIZON = "horizon"

LEADING = {"sobol": ("st", "total share of the variance"), "morris": ("mu_star", "mean change over the range")}
"""Index by which keys are ordered, and the words for it, by method."""


def sweep_help(config_dir: str | None) -> str:
    """Experiments, keys and flags of ``tobsim sweep``."""
    from scenarios.arguments import FLAGS, OF_EXPERIMENTS
    from scenarios.sweeps.experiment import named

    names = [f"  {name}" for name in named("sweep", config_dir)]
    keys = [
        "  business=tool             whose points; the one of the file by default",
        "  experiment.points=128     a setting of the file; experiment.replications=20, experiment.metrics=[arr]",
        "  dry=true                  say how many points, and what they will take, and stop",
        "  out=DIR                   folder of the sweep; the same command goes on where it stopped",
        "  execution.workers=2       processes; execution=dask|ray: a cluster, see docs/cluster.md",
        "  execution.timeout=600     seconds that one replication may take",
    ]
    flags = [f"  {' '.join((flag, FLAGS[flag][0])).strip():20} {FLAGS[flag][1]}" for flag in OF_EXPERIMENTS]
    more = "Keys of tobsim run count for every point alike; an experiment of your own is DIR/experiment/NAME.yaml."
    return "\n".join([verb_help("sweep"), "Experiments", *names, "Keys", *keys, "Flags", *flags, more])


def sweep_screen(found: Sweep, most: int = 20) -> str:
    """What a sweep found: how many points, and the first rows of its table."""
    record, table = found.record, found.table
    failed = f", {len(record['failures'])} runs failed" if record["failures"] else ""
    head = f"{record['points']} points, {record['replications']} runs{failed} in {found.path}"
    columns = ["number", "scenario", *record["keys"], "metric", "period", "mean", "ci_low", "ci_high", "unit"]
    first = table[columns].head(most).rename(columns=record["keys"] | {"number": "point"}).astype(object)
    rows = [_told(row) for row in first.where(first.notna(), None).to_dict("records")]
    rest = f"\n{len(table) - most} more rows" if len(table) > most else ""
    return f"{head}\n{aligned(rows)}{rest}"


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its figures as a reader takes them in; of a point that failed they are empty."""
    return row | {name: figure(row[name], DIGITS) for name in SHOWN if row[name] is not None}


def analyses_screen(found: Sweep) -> str:
    """First lines of each analysis of a sweep, empty if it has none."""
    tellers: dict[str, Callable[[pd.DataFrame], Iterator[str]]] = {
        "sensitivity": _sensitivity, "tornado": _tornado, "discovery": _discovery,
    }  # fmt: skip
    lines = []
    for name, tell in tellers.items():
        frame = getattr(found, name)
        if len(frame):
            lines += [*tell(frame), str(found.path / FRAMES[name].replace(".parquet", ".csv"))]
    return "\n".join(lines)


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the horizon, or of the first period where it was not kept."""
    own = frame[frame["period"] == HORIZON]
    return own if len(own) else frame[frame["period"] == frame["period"].iloc[0]]


def _sensitivity(frame: pd.DataFrame) -> Iterator[str]:
    index, words = LEADING[str(frame["method"].iloc[0])]
    own = _whole(frame[(frame["of"] == index) & (frame["reading"] != "one replication")])
    yield f"Sensitivity ({words}, {own['period'].iloc[0]})"
    for (scenario, metric), rows in own.groupby(["scenario", "metric"], sort=False):
        told = [f"{row['alias']} {_interval(row, 'estimate', 'low', 'high')}" for row in _first(rows, "estimate")]
        text = ", ".join(told) or str(rows["note"].iloc[0])
        yield f"  {scenario} {metric}: {text}{_doubt(rows) if told else ''}"


def _tornado(frame: pd.DataFrame) -> Iterator[str]:
    own = _whole(frame)
    yield f"Tornado (from the low to the high value of a key, {own['period'].iloc[0]})"
    for (scenario, metric), rows in own.groupby(["scenario", "metric"], sort=False):
        told = [f"{row['alias']} {_interval(row, 'swing', 'swing_low', 'swing_high')}" for row in _first(rows, "swing")]
        yield f"  {scenario} {metric}: {', '.join(told) or rows['note'].iloc[0]}"


def _discovery(frame: pd.DataFrame) -> Iterator[str]:
    yield "Discovery"
    for row in first_rows(frame):
        note = f" ({row['note']})" if row["note"] else ""
        yield f"  {row['scenario']}: {row['rule']}{note}"


def _first(rows: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """The rows of the largest figures in absolute terms, without those that have none."""
    known = rows[rows[column].notna()]
    order = known[column].abs().sort_values(ascending=False, kind="stable").index
    found: list[dict[str, Any]] = known.loc[order].head(MOST).to_dict("records")
    return found


def _doubt(rows: pd.DataFrame) -> str:
    """What the analysis notes of a metric as a whole."""
    notes = {str(note) for note in rows["note"] if note}
    return f"; {notes.pop()}" if len(notes) == 1 else ""


def _interval(row: dict[str, Any], value: str, low: str, high: str) -> str:
    bounds = [float(row[end]) for end in (low, high)]
    around = "" if any(map(math.isnan, bounds)) else f" [{', '.join(figure(end, DIGITS) for end in bounds)}]"
    return f"{figure(float(row[value]), DIGITS)}{around}"
