"""Why the simulation differs from the twin: queues, saturation, effects and noise, each by simulating without it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from xlsxwriter.utility import xl_col_to_name

from analysis.metrics.periods import MONTH
from analysis.replications import cautious
from scenarios.runs.exports.workbook.book import Sheet
from scenarios.runs.exports.workbook.twin.business import Twin
from scenarios.runs.exports.workbook.twin.worlds import Step, steps

if TYPE_CHECKING:
    from analysis.metrics import Context
    from scenarios.studies.study import Study

GAP = "Why they differ"

READ = ("accounts", "subscriptions", "events", "ledger")
"""Tables that the compared metrics are read off."""

PARTS = ("figure", "low", "high")

LABELS = {
    "signed": "Signed", "revenue": "Revenue", "operating_profit": "Operating profit", "active_customers": "Customers",
    "arr": "ARR", "cash": "Cash",
}  # fmt: skip

FORMS = {"signed": "count", "active_customers": "count"}

ABOUT = (
    "From the twin to the simulation, one thing after another added; a figure is what it is worth, by paired runs.",
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
    chain = steps(timeline, twin.missing)
    for step in chain:
        timeline = step.change(timeline)
        seen = replace(context, opened=timeline.opening is not None)
        jobs += [Job(timeline, study.seed, number, seen, names) for number in numbers]
    rows = [over(metrics[metrics["replication"] == number], names) for number in numbers]
    rows += list(spread(measure, jobs))
    return Gap(names, tuple(chain), np.array(rows).reshape(len(chain) + 1, len(numbers), len(names)))


def gap_sheet(sheet: Sheet, twin: Twin, gap: Gap) -> None:
    """The table: what the twin says, what each thing adds, what is left over, what the simulation says."""
    sheet.title(
        "Why the simulation differs from the twin", *ABOUT,
        f"{gap.samples.shape[1]} replications, {twin.months} months; flows are sums, stocks are at the end. A range is "
        "the 95 % interval of the mean.",
    )  # fmt: skip
    for place, name in enumerate(gap.names):
        sheet.text(sheet.row, Sheet.FIRST + len(PARTS) * place, LABELS.get(name, name), "section")
    sheet.row += 1
    sheet.headings([part for _ in gap.names for part in PARTS])
    now = [_twin_now(twin, name) for name in gap.names]
    first = _row(sheet, "Twin as exported", gap, [np.array([value]) for _, value in now])
    last = first
    for label, samples in _parts(gap, [value for _, value in now]):
        last = _row(sheet, label, gap, samples)
    _row(sheet, "Simulation", gap, list(gap.samples[0].T[:, :, None]), lambda c: f"SUM({c}{first}:{c}{last})")
    sheet.row += 1
    live = _row(sheet, "Twin now", gap, [np.array([value]) for _, value in now], texts=[text for text, _ in now])
    _row(sheet, "Change by edits of Inputs", gap, [np.zeros(1) for _ in now], lambda c: f"{c}{live}-{c}{first}")
    _explain(sheet, gap)


def _parts(gap: Gap, twin: list[float]) -> Iterator[tuple[str, list[np.ndarray]]]:
    """From the rest to what was taken away first: the label, and by metric what it adds in every replication."""
    yield "Rest", [gap.samples[-1, :, place] - value for place, value in enumerate(twin)]
    for number in range(len(gap.steps), 0, -1):
        added = gap.samples[number - 1] - gap.samples[number]
        yield gap.steps[number - 1].name, list(added.T)


def _row(
    sheet: Sheet, label: str, gap: Gap, samples: Sequence[np.ndarray], text: Callable[[str], str] | None = None,
    *, texts: Sequence[str] = (),
) -> int:  # fmt: skip
    """Mean and interval of every metric, or formulas with their values; the row, counted from 1."""
    sheet.text(sheet.row, 0, label, "bold" if text else "")
    for place, (name, values) in enumerate(zip(gap.names, samples, strict=True)):
        column, look = Sheet.FIRST + len(PARTS) * place, sheet.book.form(FORMS.get(name, "money"), bool(text))
        found = cautious(np.asarray(values).ravel())
        if text or texts:
            formula = text(str(xl_col_to_name(column))) if text else texts[place]
            sheet.page.write_formula(sheet.row, column, f"={formula}", look, found.mean)
            continue
        for offset, figure in enumerate((found.mean, found.low, found.high)):
            if math.isfinite(figure):
                sheet.page.write_number(sheet.row, column + offset, figure, look)
    sheet.row += 1
    return sheet.row


def _explain(sheet: Sheet, gap: Gap) -> None:
    sheet.section("What each line is")
    told = {step.name: f"simulated without: {step.meaning}" for step in gap.steps}
    told["Rest"] = "nights and weekends, whole months, rounding, chance: what no run takes away"
    for name, meaning in told.items():
        sheet.text(sheet.row, 0, name)
        sheet.text(sheet.row, 1, meaning, "note")
        sheet.row += 1


def _twin_now(twin: Twin, name: str) -> tuple[str, float]:
    """Formula of the twin's figure, and its value."""
    if name in twin.flows:
        line = twin.flows[name]
        ends = line.text(0, ""), line.text(twin.months - 1, "").rpartition("!")[2]
        return f"SUM({ends[0]}:{ends[1]})", sum(line.value(m) for m in range(twin.months))
    line = twin.stocks[name]
    return line.text(twin.months - 1, ""), line.value(twin.months - 1)


def empty_sheet(sheet: Sheet, reason: str) -> None:
    """Say why there is nothing."""
    sheet.title("Why the simulation differs from the twin", reason)
