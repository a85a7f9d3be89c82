"""Why the simulation differs from the twin: queues, saturation, effects and noise, each by simulating without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.metrics.periods import MONTH, Calendar
from analysis.replications import cautious
from scenarios.runs.exports.workbook.book import Book, Line, Sheet
from scenarios.runs.exports.workbook.twin.business import Twin
from scenarios.runs.exports.workbook.twin.worlds import Step, steps

if TYPE_CHECKING:
    from analysis.metrics import Context
    from scenarios.studies.study import Study

GAP = "Why they differ"

READ = ("accounts", "subscriptions", "events", "ledger")
"""Tables that the compared metrics are read off."""

FORMS = {"signed": "count", "active_customers": "count"}

ABOUT = (
    "From the twin to the simulation, one thing after another added; each figure is what that is worth, by paired runs.",
    "What is added earlier meets what is added later: in another order the parts would differ, their sum would not.",
)


@dataclass(frozen=True)
class Job:
    """One replication to be simulated without some things."""

    timeline: Any
    seed: int
    replication: int
    context: Context
    names: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """Figures of the simulation with fewer and fewer things.

    Attributes
    ----------
    names : tuple of str
        Metrics.
    steps : tuple of Step
        What is taken away, in this order.
    samples : float array, shape (steps + 1, replications, metrics)
        The simulation as it is, then without the first step, and so on.
    """

    names: tuple[str, ...]
    steps: tuple[Step, ...]
    samples: np.ndarray


def measure(job: Job) -> list[float]:
    """Metrics of one replication over all months that are over."""
    from analysis.metrics import compute
    from analysis.tables import Tables
    from scenarios.runs.replicate import arrow_tables
    from sim.simulate import simulate

    run = simulate(job.timeline, job.seed, job.replication, log_decisions=False, wanted=READ)
    found = compute(Tables(arrow_tables(run.tables)), job.context, list(job.names))
    return over(found, job.names)


def over(metrics: pd.DataFrame, names: Sequence[str]) -> list[float]:
    """Sums of flows and last values of stocks, by month, of one replication."""
    from analysis.metrics.registry import REGISTRY

    rows = metrics[(metrics["period"] == MONTH) & metrics["dim1"].isna()]
    values = []
    for name in names:
        mine = rows[rows["metric"] == name].sort_values("ds")["value"].to_numpy(float)
        stock = "at the end" in REGISTRY[name].formula
        values.append(float(np.nan_to_num(mine[-1] if stock else mine.sum())) if len(mine) else 0.0)
    return values


def take_apart(
    study: Study, twin: Twin, metrics: pd.DataFrame, numbers: Sequence[int],
    spread: Callable[[Callable[[Job], list[float]], Iterable[Job]], Iterable[list[float]]],
) -> Gap:  # fmt: skip
    """Simulate with one thing after another taken away.

    Parameters
    ----------
    study : Study
    twin : Twin
    metrics : pandas.DataFrame
        Of the run as it is.
    numbers : sequence of int
        Replications that are simulated again.
    spread : callable
        Applies a function to jobs, in their order.
    """
    from scenarios.runs.replicate import metrics_context

    names = (*twin.flows, *twin.stocks)
    context, timeline, jobs = metrics_context(study.config), study.timeline, []
    chain = steps(timeline)
    for step in chain:
        timeline = step.change(timeline)
        jobs += [Job(timeline, study.seed, number, context, names) for number in numbers]
    rows = [over(metrics[metrics["replication"] == number], names) for number in numbers]
    rows += list(spread(measure, jobs))
    return Gap(names, tuple(chain), np.array(rows).reshape(len(chain) + 1, len(numbers), len(names)))


def gap_sheet(sheet: Sheet, twin: Twin, gap: Gap) -> None:
    """The table: what the twin says, what each thing adds, what is left over, what the simulation says."""
    count = gap.samples.shape[1]
    sheet.title(
        "Why the simulation differs from the twin", *ABOUT,
        f"{count} replications, {twin.months} months; flows are sums, stocks are at the end. A range is the 95 % "
        "interval of the mean.",
    )  # fmt: skip
    for name in gap.names:
        _waterfall(sheet, twin, gap, name)
    sheet.section("What each line is")
    for step in gap.steps:
        sheet.text(sheet.row, 0, step.name)
        sheet.text(sheet.row, 1, f"simulated without: {step.meaning}", "note")
        sheet.row += 1
    sheet.text(sheet.row, 0, "Rest")
    sheet.text(sheet.row, 1, "whole months, nights and weekends, rounding, chance: no run, what the others leave", "note")
    sheet.row += 1


def _waterfall(sheet: Sheet, twin: Twin, gap: Gap, name: str) -> None:
    place, form = gap.names.index(name), FORMS.get(name, "money")
    samples = gap.samples[:, :, place]
    live, now = _twin_now(twin, name)
    sheet.section(name.replace("_", " ").capitalize())
    sheet.headings(["figure", "low", "high"], frozen=False)
    first = _row(sheet, "Twin as exported", now, form)
    _row(sheet, "Rest", samples[-1] - now, form)
    for number in range(len(gap.steps), 0, -1):
        last = _row(sheet, gap.steps[number - 1].name, samples[number - 1] - samples[number], form)
    mean = float(samples[0].mean())
    total = sheet.formulas("Simulation", lambda m: f"SUM({first.cell(0)}:{last.cell(0)})", np.array([mean]), form, bold=True)
    shown = sheet.formulas("Twin now", lambda m: live, np.array([now]), form, note="follows Inputs")
    text = lambda m: f"{shown.cell(0)}-{first.cell(0)}"  # noqa: E731
    sheet.formulas("Change by edits of Inputs", text, np.zeros(1), form)
    assert total.row > last.row


def _twin_now(twin: Twin, name: str) -> tuple[str, float]:
    """Formula of the twin's figure, and its value."""
    if name in twin.flows:
        line = twin.flows[name]
        ends = line.text(0, ""), line.text(twin.months - 1, "").rpartition("!")[2]
        return f"SUM({ends[0]}:{ends[1]})", sum(line.value(m) for m in range(twin.months))
    line = twin.stocks[name]
    return line.text(twin.months - 1, ""), line.value(twin.months - 1)


def _row(sheet: Sheet, label: str, values: np.ndarray | float, form: str) -> Line:
    """A mean with its interval, or a number."""
    if np.ndim(values) == 0:
        return sheet.constants(label, np.array([float(values)]), form)
    found = cautious(np.asarray(values))
    return sheet.constants(label, np.array([found.mean, found.low, found.high]), form)


def empty_sheet(sheet: Sheet, reason: str) -> None:
    """Say why there is nothing."""
    sheet.title("Why the simulation differs from the twin", reason)


__all__ = ["GAP", "Book", "Calendar", "Gap", "Job", "empty_sheet", "gap_sheet", "measure", "over", "take_apart"]
