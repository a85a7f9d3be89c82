"""Texts, number and date formats of the report and the terminal: one YAML file per language.

A text is looked up by a dotted key and filled with ``str.format``. Names that come with the data (metrics,
activities, origins) are looked up in a group and shown as they are when the language has no word for them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "strings"

SHARES = frozenset({"1", "share"})
"""Units that are shown as per cent; ``1/month`` is a share a month."""

SCALED_FROM = 10_000
"""Smallest number that is written in thousands, millions and so on."""


class MissingText(LookupError):
    """A key or a language that the catalogue does not have."""


class Catalogue:
    """The texts of one language.

    Parameters
    ----------
    texts : Mapping
        Nested mapping of texts, with the groups ``format``, ``metrics``, ``units`` and others.
    language : str
        Code written into the ``lang`` attribute of the report.
    """

    def __init__(self, texts: Mapping[str, Any], language: str = "en") -> None:
        self.language = language
        self.used: set[str] = set()
        self._texts = flatten(texts)

    def __call__(self, key: str, **values: Any) -> str:
        """Text of ``key`` with its ``{fields}`` filled; what is missing raises `MissingText`."""
        text = str(self.raw(key))
        try:
            return text.format(**values)
        except (KeyError, IndexError) as error:
            raise MissingText(f"text {key!r} in language {self.language!r} lacks a value for {error}") from error

    def raw(self, key: str) -> Any:
        """Value of ``key`` as written: for formats that are lists or numbers."""
        if key not in self._texts:
            raise MissingText(f"no text {key!r} in language {self.language!r}")
        self.used.add(key)
        return self._texts[key]

    def keys(self) -> list[str]:
        """All dotted keys, in the order of the file."""
        return list(self._texts)

    def has(self, key: str) -> bool:
        """Whether the language has this key."""
        return key in self._texts

    def name(self, group: str, name: str) -> str:
        """Word for a name that comes with the data; without one the name itself, readable."""
        key = f"{group}.{name}"
        return str(self.raw(key)) if self.has(key) else name.replace("_", " ")

    def unit(self, unit: str) -> str:
        """How a unit of the tables is shown; units such as ``CNY/month`` part by part."""
        if self.has(f"units.{unit}"):
            return str(self.raw(f"units.{unit}"))
        return "/".join(str(self.raw(f"units.{p}")) if self.has(f"units.{p}") else p for p in unit.split("/") if unit)

    def scale(self, values: Iterable[float]) -> tuple[float, str]:
        """Divisor and short word that make the largest of ``values`` readable: ``(1e6, "m")``."""
        top = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
        for size, word in self.raw("format.scales"):
            if top >= float(size):
                return float(size), str(word)
        return 1.0, ""

    def number(self, value: float | None, unit: str = "", like: float | None = None) -> str:
        """``value`` in the writing of the language, at about three digits; shares as per cent.

        ``like`` is a value whose scale is used instead of the value's own, with two decimals at most.
        """
        if value is None or not math.isfinite(value):
            return self("format.undefined")
        if unit.split("/")[0] in SHARES:
            share = round(100 * value, 9)
            return self("format.percent", value=self._digits(share, 0 if share == round(share) else 1))
        top = abs(value if like is None else like)
        size, word = self.scale([top]) if top >= SCALED_FROM else (1.0, "")
        shown = value / size
        places = self._places(shown, whole=size == 1.0 or shown == 0)
        text = self._digits(shown, places if like is None else min(places, 2))
        return self("format.scaled", value=text, scale=word) if word else text

    @staticmethod
    def _places(value: float, *, whole: bool) -> int:
        magnitude = abs(value)
        if magnitude >= 100 or (whole and value == round(value)):
            return 0
        if magnitude >= 0.1:
            return 1 if magnitude >= 10 else 2
        return min(1 - math.floor(math.log10(magnitude)), 6)

    def _digits(self, value: float, places: int) -> str:
        text = f"{value + 0.0:,.{places}f}"
        if places == 1 and text.endswith(".0") and abs(value) >= 100:
            text = text[:-2]
        if not text.strip("-0.,"):
            text = text.lstrip("-")
        marks = {
            ",": str(self.raw("format.thousands")),
            ".": str(self.raw("format.decimal")),
            "-": str(self.raw("format.minus")),
        }
        return "".join(marks.get(c, c) for c in text)

    def fixed(self, value: float, places: int) -> str:
        """A number with a fixed number of decimal places."""
        return self._digits(float(value), places)

    def count(self, value: float) -> str:
        """A whole number with marks between thousands."""
        return self._digits(float(value), 0)

    def interval(self, low: float | None, high: float | None, unit: str = "") -> str:
        """An interval, or an empty text where there is none."""
        if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
            return ""
        like = float(SCALED_FROM) if max(abs(low), abs(high)) >= SCALED_FROM else 0.0
        ends = [self.number(v, unit, max(abs(v), like)) for v in (low, high)]
        return self("format.interval", low=ends[0], high=ends[1])

    def month(self, day: Any) -> str:
        """A date as month and year."""
        return self("format.month", month=self.raw("format.months")[day.month - 1], year=day.year)


def flatten(texts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mapping to dotted keys; lists and texts are leaves."""
    flat: dict[str, Any] = {}
    for key, value in texts.items():
        name = f"{prefix}{key}"
        flat.update(flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value})
    return flat


def languages() -> list[str]:
    """Codes of the languages that have a file."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def catalogue(language: str = "en", part: str = "") -> Catalogue:
    """Catalogue of ``language``; an unknown one raises `MissingText` naming those there are.

    ``part`` adds the texts of a folder beside the files of the languages (``comparison``, ``forecasts``).
    """
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", language) or language not in languages():
        known = ", ".join(languages())
        raise MissingText(f"report.language: no texts for this language, got {language!r}; there are {known}")
    return Catalogue(_texts(language) | (_texts(language, part) if part else {}), language)


@cache
def _texts(language: str, part: str = "") -> dict[str, Any]:
    import yaml

    file = FOLDER / part / f"{language}.yaml"
    if not file.is_file():
        raise MissingText(f"report.language: no texts of “{part}” in this language, got {language!r}")
    texts: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return texts
