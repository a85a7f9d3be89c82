"""A sweep with the words for it: names of keys, metrics and scenarios, values with their units, what is shown."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

from analysis.report import plots
from analysis.report.comparison.case import STEER
from analysis.report.folder import HORIZON
from analysis.report.scaling import words
from analysis.report.strings import SHARES, Catalogue
from analysis.report.sweeps.folder import Swept
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

    from analysis.report.plots import Words

MAIN = ("signed", "active_customers", "arr", "revenue", STEER, "cash_min")
"""Metrics that are shown where an experiment names none."""

MOST_METRICS, MOST_KEYS, MOST_ROWS = 6, 8, 200
"""Metrics and keys that are drawn, rows of a folded table; more are in the files."""

LABELLED = ("products", "desks", "channels")
"""Groups of the policy whose entries may bear a label."""

GROUPS = ("policy", "market", "effects")
ONE_AT_A_TIME = "one_at_a_time"


class View:
    """What the panels say of a sweep.

    Parameters
    ----------
    folder : Swept
        The folder.
    text : Catalogue
        Texts of a language, those of sweeps included.
    """

    def __init__(self, folder: Swept, text: Catalogue) -> None:
        self.folder = folder
        self.text = text
        self.say = Wording(folder, text)

    @cached_property
    def period(self) -> str:
        """Period of the figures: the whole time, else the last one there is."""
        found = sorted(set(self.folder.means["period"]))
        return HORIZON if HORIZON in found or not found else found[-1]

    @cached_property
    def means(self) -> pd.DataFrame:
        """Means of that period."""
        return self.folder.means[self.folder.means["period"] == self.period]

    @cached_property
    def metrics(self) -> list[str]:
        """Metrics to show, that of the rules or the one a business steers by first."""
        found = [m for m in dict.fromkeys(self.means["metric"]) if self.defined(m)]
        asked = [str(m) for m in self.folder.experiment.get("metrics") or MAIN]
        own = [m for name in asked for m in found if m == name or m.startswith(f"{name}_")]
        names: list[str] = [m for m in (str(self.threshold.get("metric")), STEER) if m in own] + own + found
        return list(dict.fromkeys(names))[:MOST_METRICS]

    def defined(self, metric: str) -> bool:
        """Whether a metric has a mean at any point."""
        return bool(self.of(metric)["mean"].notna().any())

    def of(self, metric: str, scenario: str | None = None) -> pd.DataFrame:
        """Rows of a metric, and of one scenario."""
        rows = self._means[metric] if metric in self._means else self.means.iloc[:0]
        return rows if scenario is None else rows[rows["scenario"] == scenario]

    @cached_property
    def _means(self) -> dict[str, pd.DataFrame]:
        return {str(m): rows.drop_duplicates("number") for m, rows in self.means.groupby("metric", sort=False)}

    @property
    def main(self) -> str:
        """The first metric."""
        return self.metrics[0]

    @cached_property
    def scenarios(self) -> list[str]:
        """Scenarios, in the order of the experiment."""
        found = list(dict.fromkeys(self.folder.points["scenario"].dropna().astype(str)))
        told = [str(s) for s in self.folder.settings.get("scenarios") or []]
        return sorted(found, key=lambda s: told.index(s) if s in told else len(told))

    @cached_property
    def threshold(self) -> dict[str, Any]:
        """What a failure is: the metric and the value that it falls below or rises above."""
        found = self.folder.experiment.get("discovery")
        return dict(found) if isinstance(found, dict) else {}

    @property
    def sampler(self) -> str:
        """How the points were laid out."""
        return str(self.folder.experiment.get("sampler") or "")

    @cached_property
    def drawn(self) -> list[str]:
        """Free keys that are drawn."""
        return self.folder.free[:MOST_KEYS]

    def scenario(self, name: str) -> str:
        """Name of a scenario."""
        return name.replace("_", " ")

    def colour(self, scenario: str) -> str:
        """Colour of a scenario in all charts."""
        place = self.scenarios.index(scenario) if scenario in self.scenarios else 0
        return plots.LINES[place % len(plots.LINES)]

    def under(self, name: str, scenario: str) -> str:
        """A name, with the scenario where there are several."""
        if len(self.scenarios) < 2:
            return name
        return self.text("sweeps.under", name=name, scenario=self.scenario(scenario))

    def told(self, sentence: str, scenario: str) -> str:
        """A sentence as a headline, with the scenario before it where there are several."""
        if len(self.scenarios) < 2:
            return sentence[:1].upper() + sentence[1:]
        return self.text("sweeps.told", sentence=sentence, scenario=self.scenario(scenario))

    def unit(self, metric: str) -> str:
        """Unit of a metric."""
        return self._units.get(metric, "")

    @cached_property
    def _units(self) -> dict[str, str]:
        return {metric: str(rows["unit"].iloc[0]) for metric, rows in self._means.items()}

    def key(self, key: str) -> str:
        """A key in words, with what tells it from another of the same name; without words as it stands."""
        return self._keys.get(key, key)

    @cached_property
    def _keys(self) -> dict[str, str]:
        found = {key: self._named(key) for key in self.folder.columns}
        twice = {name for name in found.values() if list(found.values()).count(name) > 1}
        return {key: self.text("sweeps.same", name=name, lever=key) if name in twice else name
                for key, name in found.items()}  # fmt: skip

    def _named(self, key: str) -> str:
        given = (self.folder.experiment.get("keys") or {}).get(key)
        if isinstance(given, dict) and given.get("label"):
            return str(given["label"])
        parts = key.split(".")
        if parts[0] == GROUPS[0] and len(parts) > 3 and parts[1] in LABELLED:
            label = self.folder.labels(f"policy.{parts[1]}").get(parts[2], parts[2])
            return self.text("sweeps.part", name=self.text.name("entries", label), part=self._words(parts[3:]))
        rest = parts[1:] if parts[0] in GROUPS else parts
        return self._words(rest[1:] if parts[0] == GROUPS[0] and len(rest) > 1 else rest)

    def _words(self, parts: list[str]) -> str:
        segments = self.folder.labels("market.segments")
        return self.text("words.list").join(segments.get(p) or self.text.name("entries", p) for p in parts)

    def key_unit(self, key: str) -> str:
        """Unit of a key, empty where the folder does not tell or its last word says it."""
        unit = self.folder.origins.get(key, {}).get("unit", "")
        return "" if unit == key.rsplit(".", 1)[-1] else unit

    def setting(self, key: str, value: Any) -> str:
        """A value of a key, without its unit."""
        if isinstance(value, str):
            found = number(value)
            return self.text.name("switches", value.lower()) if found is None else self.setting(key, found)
        if isinstance(value, bool) or type(value).__name__ == "bool_":
            return self.text.name("switches", str(bool(value)).lower())
        if value is None or value != value:
            return self.text("format.undefined")
        if self.key_unit(key).split("/")[0] in SHARES:
            return self.text("format.percent", value=self.digits(100 * float(value)))
        return self.digits(float(value))

    def digits(self, value: float) -> str:
        """A number at four digits, without zeros that say nothing."""
        size = abs(value)
        places = 0 if size >= 1000 or value == round(value) else max(0, 3 - math.floor(math.log10(size)))
        shown = round(value, places)
        while places and shown == round(shown, places - 1):
            places -= 1
        return self.text.fixed(shown, places)

    def where(self, point: Any) -> str:
        """Values of the free keys at a point, in one phrase."""
        parts = [self.text("sweeps.at", lever=self.key(k), value=self.at(int(point), k)) for k in self.drawn]
        rest = len(self.folder.free) - len(self.drawn)
        listed = self.text("words.notes").join(parts)
        return self.text("screen.more", names=listed, count=rest) if rest else listed

    @cached_property
    def _rows(self) -> dict[int, dict[str, Any]]:
        return {int(row["number"]): row for row in self.folder.points.to_dict("records")}

    def at(self, point: int, key: str) -> str:
        """Value of a key at a point."""
        return self.setting(key, self._rows[point].get(key))

    def scenario_of(self, point: Any) -> str:
        """Scenario of a point."""
        return str(self._rows[int(point)]["scenario"])

    def change(self, value: float, unit: str) -> str:
        """A difference with its sign and unit, shares in percentage points."""
        if value != value:
            return self.text("format.undefined")
        if unit.split("/")[0] in SHARES:
            shown = self.text("sweeps.points", value=self.text.fixed(100 * value, 1))
        else:
            shown = self.say.value(value, unit)
        return self.text("sweeps.plus", value=shown) if value > 0 else shown

    def words(self, *names: str, unit: str = "") -> Words:
        """Formats of a chart of figures in a unit."""
        return words(self.say, *names, share=unit.split("/")[0] in SHARES, dates=False)

    def what(self) -> dict[str, Any]:
        """Fields that describe the sweep, for sentences."""
        label = str(self.folder.experiment.get("label") or "")
        name = str(self.folder.manifest.get("experiment") or self.folder.path.name)
        runs = int(self.folder.manifest.get("replications") or 0)
        return self.say.what() | {
            "experiment": label or name.replace("_", " "),
            "points": self.text.count(len(self.folder.points)),
            "keys": self.text.count(len(self.folder.free)),
            "runs": self.text.count(runs),
            "scenarios": self.text.count(len(self.scenarios)),
        }


def number(value: str) -> float | None:
    """A text as a finite number, or None."""
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
