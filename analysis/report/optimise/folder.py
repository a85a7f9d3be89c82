"""The folder of an optimisation as its page reads it, with names of keys, metrics and plans."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from analysis.report.folder import Folder
from analysis.report.strings import Catalogue
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

CURRENT = "current"
"""Role of the plan as it stands."""


class Optimisation(Folder):
    """Read-only view of the folder of an optimisation."""

    kind: ClassVar[str] = "optimisation"

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row for every plan that was tried, and one for the plan as it stands."""
        return self.table("trials")

    @cached_property
    def confirmed(self) -> pd.DataFrame:
        """A row for every finalist and figure, on the seeds of the search and on fresh ones."""
        return self.table("confirmed")

    @cached_property
    def front(self) -> pd.DataFrame:
        """Trials that no other one beats, and those that cannot be told from them."""
        return self.table("front")

    @property
    def objectives(self) -> list[dict[str, Any]]:
        """What was made largest or smallest: column, metric, period, unit, largest, measure, level."""
        return list(self.manifest.get("objectives") or [])

    @property
    def limits(self) -> list[dict[str, Any]]:
        """What had to be kept: column, metric, period, unit, bound, least, probability, text."""
        return list(self.manifest.get("constraints") or [])

    @property
    def keys(self) -> dict[str, str]:
        """Alias by key."""
        return dict(self.manifest.get("keys") or {})


class View:
    """What the panels say of an optimisation."""

    def __init__(self, folder: Optimisation, text: Catalogue) -> None:
        self.folder, self.text = folder, text
        self.say = Wording(folder, text)

    def plan(self, row: dict[str, Any]) -> str:
        """Name of a plan: its trial, or the plan as it stands."""
        if row["role"] == CURRENT:
            return self.text("optimise.current")
        return self.text("optimise.trial", number=self.text.count(row["trial"]))

    def metric(self, told: dict[str, Any]) -> str:
        """Name of an objective or of a limited figure, with its period if that is not the horizon."""
        name = self.say.metric(str(told["metric"]))
        return name if told["period"] == "horizon" else self.text("optimise.last_year", metric=name)

    def value(self, value: Any) -> str:
        """The value of a key."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(value)
        return self.text.number(float(value))

    def values(self, row: dict[str, Any]) -> str:
        """What a plan sets."""
        pairs = [f"{alias} {self.value(row[alias])}" for alias in self.folder.keys.values()]
        return self.text("words.list").join(pairs)

    def figure(self, row: dict[str, Any], name: str, unit: str) -> str:
        """A figure with its unit and interval."""
        interval = self.text.interval(row[f"{name}_low"], row[f"{name}_high"], unit)
        value = self.say.value(row[name], unit)
        return self.text("optimise.with_interval", value=value, interval=interval) if interval else value

    def what(self) -> dict[str, str]:
        """Fields that describe the optimisation."""
        settings = self.folder.manifest.get("settings") or {}
        names = [self.metric(each) for each in self.folder.objectives]
        return {
            "business": self.say.business(),
            "objectives": self.text("words.list").join(names),
            "trials": self.text.count((self.folder.trials["role"] != CURRENT).sum()),
            "replications": self.text.count(settings.get("replications") or 0),
            "sampler": str(settings.get("sampler", "")),
        }
