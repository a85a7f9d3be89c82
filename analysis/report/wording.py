"""Names and values as sentences need them: figures with unit and interval, labels from the configuration."""

from __future__ import annotations

from typing import Any

from analysis.report.folder import HORIZON, Folder
from analysis.report.strings import Catalogue

TIMES = frozenset({"ltv_cac", "magic_number", "consumers_per_merchant"})
"""Metrics without unit that are multiples, not shares."""


def printable(label: str) -> str:
    """A label without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in label)


class Wording:
    """Texts of one report: the catalogue, together with the names and units of one run folder."""

    def __init__(self, folder: Folder, text: Catalogue) -> None:
        self.folder = folder
        self.text = text
        self.desks = folder.labels("policy.desks")

    def metric(self, name: str) -> str:
        """Name of a metric; metrics of one desk (``utilisation_sales``) are named after the desk."""
        if self.text.has(f"metrics.{name}"):
            return self.text.name("metrics", name)
        for family in ("utilisation", "wait_days"):
            desk = name.removeprefix(f"{family}_")
            if desk != name and desk in self.desks:
                return self.text("words.of_desk", metric=self.metric(family), desk=self.desks[desk])
        return self.text.name("metrics", name)

    def business(self) -> str:
        """Label of the business, or its name in the language, or its name."""
        label = self.folder.setting("business.label", "")
        name = str(self.folder.setting("business.name") or self.folder.manifest.get("business") or "")
        return str(label) or self.text.name("businesses", name)

    def number(self, value: float | None, unit: str, metric: str = "") -> str:
        """A value without its unit; multiples as such, shares as per cent."""
        return self.text.number(value, "" if metric in TIMES else unit)

    def value(self, value: float | None, unit: str, metric: str = "") -> str:
        """A value with its unit."""
        number, word = self.number(value, unit, metric), self.unit(unit, metric)
        return self.text("format.with_unit", value=number, unit=word) if word else number

    def unit(self, unit: str, metric: str = "") -> str:
        """Word for a unit; nothing for pure numbers."""
        return self.text("units.times") if metric in TIMES else self.text.unit(unit)

    def interval(self, low: float | None, high: float | None, unit: str, metric: str = "") -> str:
        """An interval without unit."""
        return self.text.interval(low, high, "" if metric in TIMES else unit)

    def figure(self, metric: str, period: str = HORIZON) -> str | None:
        """A metric of the summary with its unit, ``None`` where it is absent or undefined."""
        row = self.folder.figure(metric, period)
        return None if row is None else self.value(row["mean"], str(row["unit"]), metric)

    def percent(self, share: float | None) -> str:
        """A share as whole per cent."""
        if share is None or share != share:
            return self.text("format.undefined")
        return self.text("format.percent", value=self.text.count(round(100 * share)))

    def months(self) -> int:
        """Length of the horizon in months."""
        return round(float(self.folder.setting("horizon.days", 0)) / (365.25 / 12))

    def span(self) -> str:
        """First and last month of the horizon."""
        import pandas as pd

        last = self.folder.end - pd.Timedelta(days=1)
        return self.text("format.interval", low=self.text.month(self.folder.start), high=self.text.month(last))

    def north_star(self) -> str:
        """Metric that the business steers by."""
        return str(self.folder.setting("business.north_star", "active_customers"))

    def what(self) -> dict[str, Any]:
        """Fields that describe the run, for sentences."""
        text = self.text
        return {
            "business": self.business(),
            "span": self.span(),
            "months": text.count(self.months()),
            "accounts": text.count(float(self.folder.setting("market.accounts", 0))),
            "replications": text.count(self.folder.replications),
            "seed": str(self.folder.manifest.get("seed", self.folder.setting("seed", ""))),
        }

    def definition(self, metric: str) -> str:
        """What a metric means: in the words of the language, else as its own file says it."""
        return self.text.name("definitions", metric) if self.text.has(f"definitions.{metric}") else ""
