"""Public holidays of a country, from a maintained library, as dates of the configuration.

``policy.calendar.country`` names a country by its ISO code, ``policy.calendar.region`` a part of it. Their holidays,
moving ones and days in lieu among them, and the weekend days on which people work instead, are written into the
configuration when a study is composed: its digest holds them, and it can be run again under another release of the
library. Dates of the user's own stay beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from scenarios.errors import InputError, shown, suggest
from scenarios.studies.resolve import Tree
from sim.calendar import SLACK

COUNTRY, REGION, OFF, ON = "country", "region", "holidays", "make_up_days"


def with_holidays(tree: Tree) -> tuple[Tree, list[str]]:
    """A configuration with the holidays of its country, and what to know of them.

    Raises
    ------
    InputError
        For a country or a region that the library does not know.
    """
    calendar = _part(tree, "policy", "calendar")
    if not calendar.get(COUNTRY):
        return tree, _unread(calendar)
    if wrong := [key for key in (OFF, ON) if not isinstance(calendar.get(key) or {}, Mapping)]:
        got = shown(calendar[wrong[0]])
        raise InputError([f"policy.calendar.{wrong[0]}: must be a mapping of dates, got {got}; {{name: 2027-05-01}}"])
    years = _years(tree)
    if not years:
        return tree, []
    known = _known(str(calendar[COUNTRY]), calendar.get(REGION), years)
    own = dict(calendar)
    worked = {day for day in known.weekend_workdays if day.year in years}
    own[OFF] = {**_named(set(known) - worked), **(calendar.get(OFF) or {})}
    own[ON] = {**_named(worked), **(calendar.get(ON) or {})}
    policy = {**tree["policy"], "calendar": own}
    return {**tree, "policy": policy}, _cautions(known, str(calendar[COUNTRY]), _last_year(tree))


def _unread(calendar: Mapping[str, Any]) -> list[str]:
    """A region says nothing without its country."""
    if calendar.get(REGION) is None:
        return []
    return [f"policy.calendar.{REGION}: is not read without a country, got {shown(calendar[REGION])}; both of them"]


def _part(tree: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    node: Any = tree
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def _years(tree: Tree) -> range:
    """Years that a run reaches, with what lies ahead of its end; none if the horizon is wrong, which is said later."""
    horizon = _part(tree, "horizon")
    try:
        start = date.fromisoformat(str(horizon["start"]))
        return range(start.year, (start + timedelta(float(horizon["days"]) + SLACK)).year + 1)
    except (KeyError, TypeError, ValueError, OverflowError):
        return range(0)


def _last_year(tree: Tree) -> int:
    horizon = _part(tree, "horizon")
    return (date.fromisoformat(str(horizon["start"])) + timedelta(float(horizon["days"]))).year


def _known(country: str, region: Any, years: range) -> Any:
    import holidays

    where = f"policy.calendar.{COUNTRY}"
    places = holidays.list_supported_countries()
    if country not in places:
        raise InputError(
            [f"{where}: is unknown, got {shown(country)}; {suggest(country, places, 'an ISO code such as')}"]
        )
    if region is not None and str(region) not in places[country]:
        known = suggest(str(region), places[country])
        raise InputError([f"policy.calendar.{REGION}: is unknown, got {shown(region)}; {known}"])
    return holidays.country_holidays(country, subdiv=None if region is None else str(region), years=years)


def _named(days: set[date]) -> dict[str, str]:
    return {f"d{day:%Y_%m_%d}": day.isoformat() for day in sorted(days)}


def _cautions(known: Any, country: str, last: int) -> list[str]:
    """Countries that move working days to weekends say so year by year."""
    told = max((day.year for day in known.weekend_workdays), default=last)
    if told >= last:
        return []
    return [
        f"policy.calendar.{COUNTRY}: working days at weekends of {country} are known until {told}, got a horizon to "
        f"{last}; later years have holidays alone"
    ]
