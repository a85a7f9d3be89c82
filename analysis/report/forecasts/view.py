"""A folder of forecasts with the words for it: names of series and models, units, dates, the model in use."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.report.folder import Folder
from analysis.report.forecasts.folder import BOUNDS, Forecasts
from analysis.report.markers import Named, marks
from analysis.report.plots import Mark, Words
from analysis.report.scaling import words
from analysis.report.strings import SHARES, Catalogue
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

NAIVE = "seasonal_naive"
"""Model that the others are measured by."""

MAIN_LEVEL = 80
"""Coverage of the interval that stands beside a headline figure, in per cent."""

MONTH_DAYS = 27
"""Days between dates from which a date is told by its month."""

DAY_SECONDS = 86400
"""Seconds between dates under which their time is told."""

MOST_SERIES, MOST_ROWS, MOST_SOURCES = 6, 200, 2
"""Series that are drawn, rows of a folded table, sources that are named; more are in the files."""

RUN, RUNS = "run", "runs"
"""Kinds of a source whose series are metrics."""

SEPARATOR = "/"


class View:
    """What the panels and the screen say of a folder of forecasts.

    Parameters
    ----------
    folder : Forecasts
        The folder.
    text : Catalogue
        Texts of a language, those of forecasts included.
    """

    def __init__(self, folder: Forecasts, text: Catalogue) -> None:
        self.folder = folder
        self.text = text
        self.say = Wording(folder, text)

    @cached_property
    def kind(self) -> str:
        """``run``, ``runs`` or ``file``."""
        return str(self.folder.source.get("kind") or "file")

    def series(self, name: str) -> str:
        """Name of a series: metrics of runs in words, what a file calls its series as it stands."""
        parts = name.split(SEPARATOR)
        place = next((i for i, part in enumerate(parts) if self.text.has(f"metrics.{part}")), None)
        if self.kind not in (RUN, RUNS) or place is None:
            return name
        rest = [SEPARATOR.join(parts[:place]), self._part(SEPARATOR.join(parts[place + 1 :]))]
        return self.text("words.list").join([self.say.metric(parts[place]), *(r for r in rest if r)])

    def _part(self, part: str) -> str:
        whole = self.kind == RUN and part.isdecimal()
        return self.text("forecasts.replication", number=part) if whole else part

    def unit(self, name: str) -> str:
        """Unit of a series, empty where the source does not tell."""
        units = self.folder.source.get("units")
        if not isinstance(units, dict):
            return ""
        return str(next((units[key] for key in (name, *name.split(SEPARATOR)) if units.get(key)), ""))

    def model(self, name: str) -> str:
        """Name of a model."""
        return self.text.name("models", name)

    def date(self, day: Any) -> str:
        """A date as month and year where dates are months apart, else as a day, with its time where there is one."""
        if self.monthly:
            return self.text.month(day)
        return f"{day:%Y-%m-%d %H:%M}" if self.timed else f"{day:%Y-%m-%d}"

    @cached_property
    def timed(self) -> bool:
        """Whether dates of a series are less than a day apart."""
        gaps = self.folder.forecast.groupby(["unique_id", "model"])["ds"].diff().abs()
        return bool((gaps.dt.total_seconds() < DAY_SECONDS).any())

    @cached_property
    def monthly(self) -> bool:
        """Whether dates are a month or more apart."""
        gaps = self.folder.forecast.groupby(["unique_id", "model"])["ds"].diff().abs()
        return not (gaps.dt.days < MONTH_DAYS).any()

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """Dates that are known to change the series, and those of the plan of a run that was forecast."""
        known = {
            "changes": {n: {**c, "date": c.get("at")} for n, c in (self.folder.settings.get("changes") or {}).items()}
        }
        found = marks(known, Named({}, {}), self.text)
        path = Path(self.folder.paths[0]) if self.kind == RUN and self.folder.paths else None
        return found if path is None or not path.is_dir() else (*found, *Wording(Folder(path), self.text).marks)

    def words(self, *names: str, dates: bool = True) -> Words:
        """Formats of a chart."""
        made = replace(words(self.say, *names, dates=dates), marks=self.marks if dates else ())
        if dates and not self.monthly:
            return replace(made, date=self.text("forecasts.axis_day"))
        return made

    @cached_property
    def level(self) -> int:
        """Level of the interval beside a headline figure: ``MAIN_LEVEL``, or the lowest there is."""
        levels = self.folder.levels
        return MAIN_LEVEL if MAIN_LEVEL in levels or not levels else levels[0]

    def interval_name(self, level: int) -> str:
        """Name of an interval."""
        return self.text("forecast.level", level=self.say.percent(level / 100))

    def bounds(self, row: Any, level: int, unit: str) -> str:
        """The interval of a forecast."""
        return self.interval(float(row[f"lo-{level}"]), float(row[f"hi-{level}"]), unit)

    @cached_property
    def shown(self) -> list[str]:
        """Series to draw: the first of the table, of several replications the first of each metric."""
        names = list(self.folder.ahead)
        if self.kind == RUN:
            firsts: dict[str, str] = {}
            for name in names:
                firsts.setdefault(name.split(SEPARATOR)[0], name)
            names = list(firsts.values())
        return names[:MOST_SERIES]

    @cached_property
    def models(self) -> list[str]:
        """Models of the backtest, the one in use first and the seasonal naive one last."""
        found = list(dict.fromkeys(self.folder.summary["model"].astype(str)))
        asked = str(self.folder.settings.get("model") or "")
        return sorted(found, key=lambda m: (m == NAIVE, m != asked, found.index(m)))

    @property
    def tried(self) -> bool:
        """Whether any forecast of the backtest could be scored."""
        return bool(self.folder.summary["mean"].notna().any())

    @property
    def main(self) -> str:
        """The model in use, or the first of the backtest."""
        return self.models[0] if self.models else str(self.folder.settings.get("model") or "")

    def score(self, model: str, measure: str) -> dict[str, float]:
        """Row of the summary; NaN where there is none."""
        return self._scores.get((model, measure), dict.fromkeys(BOUNDS, float("nan")))

    @cached_property
    def _scores(self) -> dict[tuple[str, str], dict[str, float]]:
        rows = self.folder.summary.to_dict("records")
        return {(str(r["model"]), str(r["measure"])): {n: float(r[n]) for n in BOUNDS} for r in rows}

    def ratio(self, score: dict[str, float]) -> str:
        """The ratio to seasonal naive with its interval, in one phrase."""
        bounds = self.between(score["ratio_low"], score["ratio_high"])
        value = self.decimal(score["ratio"])
        return self.text("forecasts.with_interval", value=value, interval=bounds) if bounds else value

    def decimal(self, value: float, places: int = 2) -> str:
        """A number with so many decimals, or the sign for what is undefined."""
        return self.text.fixed(value, places) if value == value else self.text("format.undefined")

    def between(self, low: float, high: float, places: int = 2) -> str:
        """An interval with so many decimals, empty where there is none."""
        if low != low or high != high:
            return ""
        return self.text("format.interval", low=self.text.fixed(low, places), high=self.text.fixed(high, places))

    def interval(self, low: float, high: float, unit: str) -> str:
        """An interval in a unit, at two digits where its ends are small."""
        top = max(abs(low), abs(high))
        if 0 < top < 1 and unit.split("/")[0] not in SHARES:
            return self.between(low, high, min(1 - math.floor(math.log10(top)), 6))
        return self.text.interval(low, high, unit)

    def shares(self, low: float, high: float) -> str:
        """An interval of shares in per cent, empty where there is none."""
        return self.text("format.percent", value=self.between(100 * low, 100 * high, 0)) if low == low else ""

    def names(self, found: list[str], most: int = 5) -> str:
        """Names of series as a list, the first ``most`` of them."""
        told = [self.series(n) for n in found[:most]]
        comma = self.text("words.list")
        names = self.text("forecasts.apart" if any(comma in name for name in told) else "words.list").join(told)
        return self.text("screen.more", names=names, count=len(found) - most) if len(found) > most else names

    def what(self) -> dict[str, Any]:
        """Fields that describe the forecast, for sentences."""
        ahead, cutoff = self.folder.ahead, self.folder.forecast["cutoff"].max()
        return {
            "source": self._source(),
            "series": self.text.count(len(ahead)),
            "steps": self.text.count(max((len(rows) for rows in ahead.values()), default=0)),
            "cutoff": self.date(cutoff) if cutoff == cutoff else self.text("format.undefined"),
            "model": self.model(str(self.folder.settings.get("model") or self.main)),
        }

    def _source(self) -> str:
        """Names of the run folders or of the file, without the way to them."""
        names = [Path(path.replace("\\", "/")).name for path in self.folder.paths]
        listed = self.text("words.list").join(names[:MOST_SOURCES]) or self.text("forecasts.unnamed")
        rest = len(names) - MOST_SOURCES
        return self.text("screen.more", names=listed, count=rest) if rest > 0 else listed


def last(frame: pd.DataFrame) -> dict[str, Any]:
    """The row of the last date."""
    return {str(name): frame[name].iloc[-1] for name in frame.columns}
