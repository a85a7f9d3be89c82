"""What a key of an experiment may be: listed values, a range, a number linked to other keys, a share of a whole.

A range is filled from the unit interval by the inverse of its distribution: uniform, or uniform on the logarithm; whole
numbers have equal parts of the interval. So every sampler works on the unit cube and knows nothing of units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scenarios.errors import InputError, shown, suggest
from scenarios.sweeps.dates import as_date, date_range
from scenarios.sweeps.expressions import Expression, parse

DIGITS = 10
"""Significant digits of a sampled number: the last bits of a logarithm differ between processors."""

FIELDS = ("low", "high", "log", "integer", "levels", "equals", "label")
"""What may be said of a key; its label is the word for it in rules."""


@dataclass(frozen=True)
class Own:
    """What is known of a key: its plausible range where one is stated, whether it takes whole numbers, its value."""

    low: float | None
    high: float | None
    whole: bool
    value: Any


@dataclass(frozen=True)
class Values:
    """Values listed one by one."""

    values: tuple[Any, ...]

    def at(self, u: float) -> Any:
        """The value at ``u`` from 0 to 1; each has an equal part."""
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included.

    Attributes
    ----------
    log : bool
        Whether the logarithm is uniform, not the number.
    integer : bool
        Whether only whole numbers are taken.
    levels : int or None
        Values of it in a grid; None: as many as the points of the grid allow.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False
    levels: int | None = None

    def at(self, u: float) -> float:
        """The number at ``u`` from 0 to 1."""
        if self.integer:
            return min(math.floor(rounded(self._between(u, self.high + 1))), int(self.high))
        return min(max(rounded(self._between(u, self.high)), self.low), self.high)

    def spread(self, number: int) -> tuple[float, ...]:
        """So many numbers from end to end at equal distances, each once; whole numbers may be fewer."""
        found = [rounded(self._between(i / (number - 1), self.high)) for i in range(number)]
        return tuple(dict.fromkeys(math.floor(x + 0.5) if self.integer else x for x in found))

    def _between(self, u: float, high: float) -> float:
        if self.log:
            return self.low * (high / self.low) ** u
        return self.low + u * (high - self.low)


@dataclass(frozen=True)
class Linked:
    """A number that follows other keys; of whole numbers the nearest."""

    equals: Expression
    integer: bool = False

    def at(self, values: Mapping[str, float]) -> float:
        """The number under these values of other keys."""
        value = self.equals(values)
        return math.floor(value + 0.5) if self.integer else rounded(value)


Domain = Values | Range | Linked


@dataclass(frozen=True)
class Shares:
    """Numbers with a given sum, each within its range.

    One is broken off after the other, by the inverse of the beta distribution with parameters 1 and the number of those
    left, cut to what the ranges of all the others leave. Without upper ends this is the uniform distribution on the
    simplex (Devroye 1986, Non-Uniform Random Variate Generation, ch. XI.4); with them it stays within the ranges but is
    not uniform there. It takes one number of the unit interval less than there are shares.

    Attributes
    ----------
    name : str
        Of the whole.
    keys : tuple of str
    lows, highs : tuple of float
        As ``keys``.
    total : float
        What they sum to.
    """

    name: str
    keys: tuple[str, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    total: float = 1.0

    def at(self, u: Sequence[float]) -> dict[str, float]:
        """All shares at a point of the unit cube, which has one dimension less than there are shares."""
        found: list[float] = []
        for index, part in enumerate(u):
            rest = self.total - math.fsum(found)
            found.append(rounded(self._broken(index, part, rest)))
        last = rounded(self.total - math.fsum(found))
        found.append(min(max(last, self.lows[-1]), self.highs[-1]))
        return dict(zip(self.keys, found, strict=True))

    def _broken(self, index: int, u: float, rest: float) -> float:
        low, later = self.lows[index], math.fsum(self.lows[index + 1 :])
        room = rest - low - later
        if room <= 0:
            return low
        left = len(self.keys) - 1 - index
        least = max(0.0, rest - math.fsum(self.highs[index + 1 :]) - low) / room
        most = min(self.highs[index] - low, room) / room
        a, b = ((1 - min(end, 1.0)) ** left for end in (least, most))
        return low + room * (1 - (a + u * (b - a)) ** (1 / left))


def rounded(value: float) -> float:
    """A number to ``DIGITS`` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def read_domain(where: str, given: Any, own: Own) -> Domain:
    """What a key may be, as the file gives it.

    Parameters
    ----------
    where : str
        How messages name the key.
    given
        A list of values; a mapping of ``FIELDS``; None: the key's own range.
    own : Own

    Raises
    ------
    InputError
    """
    if isinstance(given, list):
        return _values(where, given)
    if given is None:
        return Values((False, True)) if isinstance(own.value, bool) else _range(where, {}, own)
    if not isinstance(given, Mapping) or not given:
        got = "{}" if given == {} else shown(given)
        raise _wrong(where, "is an empty range" if given == {} else "is no range", got, "[a, b], or {low: a, high: b}")
    for name in given:
        if name not in FIELDS:
            raise _wrong(f"{where}.{name}", "is unknown", shown(given[name]), suggest(str(name), FIELDS))
    if not isinstance(given.get("label", ""), str):
        raise _wrong(f"{where}.label", "must be text", shown(given["label"]), "label: list price")
    if "equals" in given:
        return _linked(where, given, own)
    return Values(date_range(where, given)) if as_date(own.value) else _range(where, given, own)


def _values(where: str, given: list[Any]) -> Values:
    if not given:
        raise _wrong(where, "is an empty list", "[]", "one value or more")
    for index, value in enumerate(given):
        if isinstance(value, Mapping | list) or value is None:
            raise _wrong(where, "must be a list of numbers, switches or names", shown(value), "[a, b]")
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(where, "must be finite numbers", shown(value), "a number")
        if any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in given[:index]):
            raise _wrong(where, "has a value twice", shown(given), "each value once")
    return Values(tuple(given))


def _linked(where: str, given: Mapping[str, Any], own: Own) -> Linked:
    others = [name for name in given if name not in ("equals", "integer", "label")]
    if others:
        raise _wrong(where, "is linked and has a range", shown(dict(given)), f"equals without {others[0]}")
    try:
        expression = parse(given["equals"])
    except ValueError as error:
        raise InputError([f"{where}.equals: {error}"]) from None
    if not expression.names:
        raise _wrong(f"{where}.equals", "names no key", shown(given["equals"]), "2 * policy.x, or a list of one value")
    return Linked(expression, _switch(where, given, "integer", own.whole))


def _range(where: str, given: Mapping[str, Any], own: Own) -> Range:
    low, high = (_end(where, given, name, end) for name, end in (("low", own.low), ("high", own.high)))
    log, integer = _switch(where, given, "log", False), _switch(where, given, "integer", own.whole)
    if low >= high:
        raise _wrong(where, "is an empty range", f"low {low:.10g}, high {high:.10g}", "low below high")
    if log and low <= 0:
        raise _wrong(where, "cannot be log", f"low {low:.10g}", "a low above 0, or no log")
    if integer and not (low == math.floor(low) and high == math.floor(high)):
        raise _wrong(where, "takes whole numbers", f"low {low:.10g}, high {high:.10g}", "whole ends")
    if own.whole and not integer:
        raise _wrong(f"{where}.integer", "cannot be false", "false", "nothing: the key takes whole numbers only")
    levels = _levels(where, given)
    return Range(int(low), int(high), log, True, levels) if integer else Range(low, high, log, False, levels)


def _end(where: str, given: Mapping[str, Any], name: str, own: float | None) -> float:
    value = given.get(name, own)
    if value is None:
        raise _wrong(where, f"has no {name} of its own", "nothing", "{low: a, high: b}")
    return number(f"{where}.{name}", value)


def number(where: str, value: Any) -> float:
    """A finite number.

    Raises
    ------
    InputError
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(where, "must be a finite number", shown(value), "a number")
    return value


def _switch(where: str, given: Mapping[str, Any], name: str, default: bool) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise _wrong(f"{where}.{name}", "must be true or false", shown(value), "true or false")
    return value


def _levels(where: str, given: Mapping[str, Any]) -> int | None:
    value = given.get("levels")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 2):
        raise _wrong(f"{where}.levels", "must be a whole number, 2 or more", shown(value), "levels: 5")
    return value


def read_shares(name: str, keys: Mapping[str, Any], total: Any) -> Shares:
    """Shares of one whole; a key without a range lies from 0 to the whole.

    Raises
    ------
    InputError
        Also if no numbers within the ranges have the sum.
    """
    where = f"experiment.shares.{name}"
    whole = number(f"{where}.total", total)
    if whole <= 0:
        raise _wrong(f"{where}.total", "must be above 0", shown(total), "total: 1")
    if len(keys) < 2:
        raise _wrong(f"{where}.keys", "are too few", shown(list(keys)), "two keys or more")
    own = Own(0.0, whole, False, None)
    ranges = [read_domain(f"{where}.keys.{key}", given, own) for key, given in keys.items()]
    for key, found in zip(keys, ranges, strict=True):
        if not isinstance(found, Range) or found.log or found.integer or found.levels:
            raise _wrong(f"{where}.keys.{key}", "must be a range", shown(keys[key]), "{low: a, high: b}, or nothing")
        if found.low < 0:
            raise _wrong(f"{where}.keys.{key}.low", "cannot be negative", f"{found.low:.10g}", "low: 0")
    lows, highs = (tuple(getattr(each, end) for each in ranges) for end in ("low", "high"))  # type: ignore[misc]
    least, most = math.fsum(lows), math.fsum(highs)
    if not least <= whole <= most:
        raise _wrong(where, f"cannot sum to {whole:.10g}", f"from {least:.10g} to {most:.10g}", "wider ranges")
    return Shares(name, tuple(keys), lows, highs, whole)


def _wrong(where: str, what: str, got: str, right: str) -> InputError:
    return InputError([f"{where}: {what}, got {got}; {right}"])
