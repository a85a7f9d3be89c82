"""What a schema cannot say of the settings of a forecast: names that must exist, dates, formats."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from datetime import date
from typing import Any

from scenarios.errors import shown, suggest
from scenarios.studies.resolve import Problem, Tree

MARKS = (",", ";", "\t", "|")
"""Characters that can part the cells of a file."""

BEST = "best"
"""Setting of the model that has it chosen for each series by rolling origin."""


def forecasts(config: Tree) -> Iterator[Problem]:
    """Models, levels, dates and columns of the forecast can be used."""
    settings = config["forecast"]
    yield from _models(settings)
    yield from _unlike("forecast.levels", settings["levels"])
    yield from _unlike("forecast.hierarchy", settings["hierarchy"])
    yield from _unlike("forecast.columns", list(settings["columns"].values()))
    yield from _reading(settings)
    yield from _dates(settings)
    yield from _truth(settings["truth"])


def _models(settings: Tree) -> Iterator[Problem]:
    from analysis.forecast.registry import FORECASTERS

    if not isinstance(settings["models"], list):
        return
    yield from _known("forecast.model", settings["model"], [*FORECASTERS, BEST])
    for place, name in enumerate(settings["models"]):
        yield from _known(f"forecast.models.{place}", name, list(FORECASTERS))
    for place, name in enumerate(settings["truth"]["models"] or ()):
        yield from _known(f"forecast.truth.models.{place}", name, list(FORECASTERS))
    yield from _unlike("forecast.models", settings["models"])
    if settings["model"] == BEST and (settings["origins"] < 2 or len(settings["models"]) < 2):
        reason = "cannot choose, got fewer than 2 origins or models"
        yield "forecast.model", f"{reason}; forecast.origins of 2 or more and two names in forecast.models"


def _known(where: str, name: str, names: list[str]) -> Iterator[Problem]:
    if name not in names:
        yield where, f"is no forecaster, got {shown(name)}; {suggest(name, names)}"


def _unlike(where: str, values: list[Any]) -> Iterator[Problem]:
    if len(set(values)) < len(values):
        yield where, f"names one twice, got {shown(values)}; each once"
    if where == "forecast.levels" and not values:
        yield where, "is empty, got []; for example [80, 95]"


def _reading(settings: Tree) -> Iterator[Problem]:
    """How a file is to be read."""
    delimiter, encoding = settings["delimiter"], settings["encoding"]
    if delimiter is not None and delimiter not in MARKS:
        right = " ".join(shown(mark) for mark in MARKS)
        yield "forecast.delimiter", f"cannot be used, got {shown(delimiter)}; one of {right}"
    if encoding is not None and not _is_encoding(encoding):
        yield "forecast.encoding", f"is unknown, got {shown(encoding)}; utf-8, gb18030, latin-1, ..."
    if settings["frequency"] is not None and not _is_frequency(settings["frequency"]):
        got, right = shown(settings["frequency"]), "D, W, M, Q, Y, h or another offset of pandas"
        yield "forecast.frequency", f"is none, got {got}; {right}"


def _is_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except (LookupError, ValueError):
        return False


def _is_frequency(name: str) -> bool:
    from pandas.tseries.frequencies import to_offset

    if name in ("D", "W", "M", "Q", "Y", "h"):
        return True
    try:
        return to_offset(name) is not None
    except ValueError:
        return False


def _dates(settings: Tree) -> Iterator[Problem]:
    """Dates of known changes and of targets are dates, in order."""
    for name, change in settings["changes"].items():
        where = f"forecast.changes.{name}"
        wrong = [*_date(f"{where}.at", change["at"]), *_date(f"{where}.until", change.get("until"))]
        yield from wrong
        if not wrong and change.get("until") is not None:
            if change.get("shape") == "pulse":
                yield f"{where}.until", f"is not for a pulse, got {shown(change['until'])}; shape: step"
            elif change["until"] < change["at"]:
                yield f"{where}.until", f"lies before {change['at']}, got {shown(change['until'])}; a later date"
    for name, target in settings["targets"].items():
        yield from _date(f"forecast.targets.{name}.by", target.get("by"))


def _date(where: str, text: Any) -> Iterator[Problem]:
    """A problem if ``text`` is neither null nor an ISO date."""
    try:
        if text is not None and len(text) != 10:
            raise ValueError
        date.fromisoformat(text or "2000-01-01")
    except (TypeError, ValueError):
        yield where, f"is no date, got {shown(text)}; YYYY-MM-DD"


def _truth(truth: Tree) -> Iterator[Problem]:
    yield from _unlike("forecast.truth.train", truth["train"])
    for name, change in (truth["change"] or {}).items():
        yield from _date(f"forecast.truth.change.{name}.date", change["date"])
        yield from _date(f"forecast.truth.change.{name}.until", change.get("until"))
