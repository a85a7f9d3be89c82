"""One business of a comparison: its plans, their differences, and the words for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from analysis.report import plots
from analysis.report.comparison.folder import PRIMARY, Comparison
from analysis.report.folder import HORIZON
from analysis.report.plots import Mark
from analysis.report.strings import SHARES, Catalogue
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

SURE, UNSURE, ZERO, UNKNOWN = "sure", "unsure", "zero", "unknown"
"""Verdicts on a difference: its interval excludes 0, includes it; nothing differs; there is no interval."""

LOOKS = {SURE: "firm", UNSURE: "loose", ZERO: "mute", UNKNOWN: "mute"}

MOST_PRIMARY = 12

STEER = "operating_profit"
"""Metric by which plans are put in order unless a choice was asked for."""

MOST_RELATIVE = 10.0
"""Largest change relative to the base that is given as a share."""


@dataclass(frozen=True)
class Difference:
    """A plan minus the base in one metric and period; NaN where undefined."""

    metric: str
    period: str
    unit: str
    base: float
    mean: float
    value: float
    low: float
    high: float
    level: float
    method: str
    primary: bool
    p: float
    p_holm: float
    correlation: float
    ratio: float
    touched: float
    replications: float
    note: str

    @property
    def verdict(self) -> str:
        """Whether the interval excludes 0."""
        if self.value == 0 and self.low == self.high == 0:
            return ZERO
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return UNKNOWN
        return SURE if self.low > 0 or self.high < 0 else UNSURE

    @property
    def relative(self) -> float:
        """The difference as a share of the base; NaN where the base is 0 or far smaller."""
        share = self.value / abs(self.base) if self.base else math.nan
        return share if abs(share) <= MOST_RELATIVE else math.nan


COLUMNS = {
    "base": "base", "mean": "mean", "value": "difference", "low": "ci_low", "high": "ci_high", "level": "ci_level",
    "p": "p", "p_holm": "p_holm", "correlation": "correlation", "ratio": "variance_ratio", "touched": "n_touched",
    "replications": "replications",
}  # fmt: skip
"""Numbers of a difference, and the columns of the table that hold them."""

TEXTS = {"metric": "metric", "period": "period", "unit": "unit", "method": "interval_method", "note": "note"}


def _difference(row: dict[str, Any]) -> Difference:
    fields: dict[str, Any] = {ours: float(row[theirs]) for ours, theirs in COLUMNS.items()}
    fields |= {ours: known(row[theirs]) for ours, theirs in TEXTS.items()}
    return Difference(**fields, primary=known(row["family"]) == PRIMARY)


def known(value: Any) -> str:
    """A cell of a table as text, empty where it is null."""
    return "" if value is None or value != value else str(value)


class Case:
    """The comparison of one business.

    Attributes
    ----------
    base : str
        The scenario that all others are held against.
    plans : list of str
        The others.
    say : Wording
        Names and units, as the run of the base has them.
    """

    def __init__(self, folder: Comparison, business: str, text: Catalogue) -> None:
        self.folder, self.business, self.text = folder, business, text
        scenarios = folder.businesses[business]
        self.base, self.plans = (scenarios[0], scenarios[1:]) if scenarios else ("", [])
        self.runs = {s: folder.plan(business, s) for s in scenarios or [""]}
        self.say = Wording(self.runs[self.base], text)
        self._labels = folder.labels_of(business)

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """What is planned for which date, with the names of its plans where not all plan it."""
        by = {scenario: Wording(run, self.text).marks for scenario, run in self.runs.items()}
        found = dict.fromkeys(mark for of_one in by.values() for mark in of_one)
        owners = {mark: [s for s, of_one in by.items() if mark in of_one] for mark in found}
        comma = self.text("words.list")
        named = [
            mark if len(own) == len(by) else Mark(mark.day, self.text(
                "compare.course.mark", name=mark.label, plan=comma.join(map(self.label, own))))
            for mark, own in owners.items()
        ]  # fmt: skip
        return tuple(sorted(named, key=lambda mark: (mark.day, mark.label)))

    def of(self, frame: pd.DataFrame, plan: str | None = None) -> pd.DataFrame:
        """Rows of this business, and of one plan."""
        rows = frame[frame["business"].astype(str) == self.business]
        return rows if plan is None else rows[rows["scenario"].astype(str) == plan]

    @cached_property
    def rows(self) -> dict[tuple[str, str, str], Difference]:
        """Differences by plan, metric and period."""
        records = self.of(self.folder.differences).to_dict("records")
        return {(known(r["scenario"]), known(r["metric"]), known(r["period"])): _difference(r) for r in records
                if known(r["scenario"]) != self.base}  # fmt: skip

    def row(self, plan: str, metric: str, period: str = HORIZON) -> Difference | None:
        """One difference, ``None`` where there is none."""
        return self.rows.get((plan, metric, period))

    def across(self, metric: str, period: str = HORIZON) -> dict[str, Difference]:
        """One metric by plan."""
        return {p: row for p in self.plans if (row := self.row(p, metric, period))}

    @cached_property
    def metrics(self) -> list[str]:
        """All metrics, in the order of the table."""
        return list(dict.fromkeys(metric for _, metric, _ in self.rows))

    @cached_property
    def primary(self) -> list[str]:
        """Declared metrics, in the order in which they were declared."""
        told = [str(m) for m in self.folder.manifest.get("primary") or []]
        family = [r.metric for r in self.rows.values() if r.primary and r.period == HORIZON]
        return [m for m in dict.fromkeys((*told, *family)) if m in self.metrics][:MOST_PRIMARY]

    @cached_property
    def steer(self) -> str:
        """Metric by which plans are put in order."""
        chosen = [known(m) for m in self.of(self.folder.choice)["metric"]]
        names = [*chosen[:1], *([STEER] if STEER in self.primary else []), *self.primary, *self.metrics]
        return next((m for m in names if m in self.metrics), "")

    @cached_property
    def replications(self) -> int:
        """Pairs of replications."""
        counted = max((r.replications for r in self.rows.values() if r.replications == r.replications), default=0)
        return self.folder.replications_of(self.business) or int(counted)

    @cached_property
    def currency(self) -> str:
        """Unit of money."""
        found = [r.unit for r in self.rows.values() if r.metric == "revenue"]
        return found[0] if found else str(self.say.folder.setting("business.currency", ""))

    @property
    def level(self) -> float:
        """Confidence of the comparison."""
        return float(self.folder.manifest.get("level") or 0.95)

    def label(self, scenario: str) -> str:
        """Label of a scenario, or its name."""
        return self._labels.get(scenario) or scenario.replace("_", " ")

    def names(self) -> str:
        """Labels of all plans."""
        quoted = [self.text("compare.quoted", name=self.label(p)) for p in self.plans]
        return self.text("words.list").join(quoted)

    def colour(self, scenario: str) -> str:
        """Colour of a plan in all charts; the base is grey."""
        place = self.plans.index(scenario) if scenario in self.plans else None
        return plots.GREY if place is None else plots.LINES[place % (len(plots.LINES) - 1)]

    def signed(self, value: float, unit: str, *, bare: bool = False) -> str:
        """A difference with its sign, shares in percentage points, with its unit unless ``bare``."""
        if value != value:
            return self.text("format.undefined")
        if unit.split("/")[0] in SHARES:
            shown = self.text("compare.points", value=self.text.fixed(100 * value, 2 if abs(value) < 0.001 else 1))
        else:
            shown = self.text.number(value, unit) if bare else self.say.value(value, unit)
        return self.text("compare.plus", value=shown) if value > 0 else shown

    def shown(self, row: Difference, *, bare: bool = False) -> str:
        """A difference in words of one cell."""
        return self.text("compare.zero") if row.verdict == ZERO else self.signed(row.value, row.unit, bare=bare)

    def bounds(self, low: float, high: float, unit: str) -> str:
        """An interval of a difference, empty where there is none."""
        if unit.split("/")[0] not in SHARES:
            return self.text.interval(low, high, unit)
        if not (math.isfinite(low) and math.isfinite(high)):
            return ""
        places = 2 if max(abs(low), abs(high)) < 0.001 else 1
        ends = [self.text.fixed(100 * v, places) for v in (low, high)]
        return self.text("format.interval", low=ends[0], high=self.text("compare.points", value=ends[1]))

    def interval(self, row: Difference) -> str:
        """The interval of a difference, else why there is none."""
        if row.verdict == ZERO:
            return ""
        return self.bounds(row.low, row.high, row.unit) or row.note.split(";")[0] or self.text("compare.no_interval")

    def relative(self, row: Difference) -> str:
        """The difference as a share of the base, empty where that says nothing."""
        if row.verdict == ZERO or row.relative != row.relative or row.unit.split("/")[0] in SHARES:
            return ""
        return self.text("compare.plus" if row.value > 0 else "compare.as_is", value=self.say.percent(row.relative))

    def what(self) -> dict[str, Any]:
        """Fields that describe the comparison, for sentences."""
        return self.say.what() | {
            "replications": self.text.count(self.replications),
            "base": self.label(self.base),
            "plans": self.names(),
            "count": self.text.count(len(self.plans)),
            "seed": str(self.folder.manifest.get("seed", "")),
        }
