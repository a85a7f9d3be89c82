"""Names and values as sentences need them: figures with their unit, labels from the configuration."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from analysis.report.folder import HORIZON, Folder
from analysis.report.markers import Named, marks
from analysis.report.plots import Mark
from analysis.report.strings import Catalogue

WHOLE_FROM = 10
"""Smallest mean of counts that a sentence gives without decimals."""

OF_DESK = ("utilisation", "wait_days", "heads", "capacity_hours", "busy_hours", "acquisition_hours")
"""Metrics that exist for every desk, as ``utilisation_sales``."""


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
        for family in OF_DESK:
            desk = name.removeprefix(f"{family}_")
            if desk != name:
                return self.text("words.of_desk", metric=self.metric(family), desk=self.desks.get(desk, desk))
        return self.text.name("metrics", name)

    def definition(self, metric: str) -> str:
        """What a metric means: in the words of the language, else as the register of metrics says it."""
        if self.text.has(f"meanings.{metric}"):
            return self.text.name("meanings", metric)
        found = register().get(metric)
        return self.text("definitions.entry", formula=found.formula, source=found.source) if found else ""

    def business(self) -> str:
        """Label of the business, or its name in the language."""
        label = self.folder.setting("business.label", "")
        name = str(self.folder.setting("business.name") or self.folder.manifest.get("business") or "")
        return str(label) or self.text.name("businesses", name)

    def value(self, value: float | None, unit: str) -> str:
        """A value with its unit."""
        number, word = self.text.number(value, unit), self.text.unit(unit)
        return self.text("format.with_unit", value=number, unit=word) if word else number

    def figure(self, metric: str, period: str = HORIZON, *, bare: bool = False) -> str | None:
        """A metric of the summary, with its unit unless ``bare``; ``None`` where it is absent or undefined."""
        row = self.folder.figure(metric, period)
        if row is None:
            return None
        mean, unit = row["mean"], str(row["unit"])
        if unit == "count" and mean >= WHOLE_FROM:
            return self.text.count(mean)
        return self.text.number(mean, unit) if bare else self.value(mean, unit)

    def identity(self, name: str) -> str:
        """The sentence that an identity checks, in the words of the language, else as its register has it."""
        if self.text.has(f"sentences.{name}"):
            return self.text.name("sentences", name)
        from analysis.identities import IDENTITIES

        return IDENTITIES[name][0] if name in IDENTITIES else ""

    def percent(self, share: float | None) -> str:
        """A share as whole per cent."""
        if share is None or share != share:
            return self.text("format.undefined")
        return self.text("format.percent", value=self.text.count(round(100 * share)))

    def span(self) -> str:
        """First and last month of the horizon."""
        import pandas as pd

        last = self.folder.end - pd.Timedelta(days=1)
        return self.text("format.interval", low=self.text.month(self.folder.start), high=self.text.month(last))

    def north_star(self) -> str:
        """Metric that the business steers by."""
        return str(self.folder.setting("business.north_star", "active_customers"))

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """What is planned for which date."""
        names = Named(self.folder.labels("policy.products"), self.folder.labels("market.channels"))
        policy = self.folder.setting("policy", {})
        return marks(policy, names, self.text) if isinstance(policy, dict) else ()

    def what(self) -> dict[str, Any]:
        """Fields that describe the run, for sentences."""
        text = self.text
        return {
            "business": self.business(),
            "span": self.span(),
            "months": text.count(round(self.folder.days / (365.25 / 12))),
            "accounts": text.count(float(self.folder.setting("market.accounts", 0))),
            "replications": text.count(self.folder.replications),
            "seed": str(self.folder.manifest.get("seed", self.folder.setting("seed", ""))),
        }


def register() -> dict[str, Any]:
    """The register of metrics."""
    from analysis.metrics import registry

    return dict(registry.REGISTRY)
