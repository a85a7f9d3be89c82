"""Plans in time: price lists from their dates on, budgets by month, people hired; and what is wrong with them.

A price list sets prices from its date on, as a dated change would: new contracts and renewals take the new price. A
budget is what a channel spends in one calendar month; months that it does not name spend ``spend_month``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from scenarios.errors import shown, suggest
from scenarios.studies.resolve import Path, Problem, Tree

MONTH = re.compile(r"(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])")
"""The form of a month as a key."""

LAST = 2200
"""Years in which nothing is planned any more."""


@dataclass(frozen=True)
class Entry:
    """One line of a plan: from ``day`` on (up to ``until``) the key ``path`` has ``value``."""

    where: str
    path: Path
    value: Any
    day: int
    until: int | None = None


def price_lists(config: Tree) -> Iterator[Entry]:
    """Prices of every product from later dates on; entries whose date is wrong are left out."""
    for product, spec in config["policy"]["products"].items():
        for text, price in spec.get("price_list", {}).items():
            if is_date(text):
                where = f"policy.products.{product}.price_list.{text}"
                yield Entry(where, ("policy", "products", product, "price"), price, _day(config, text))


def budget_months(config: Tree) -> Iterator[Entry]:
    """Spend of every channel in months with a budget; entries that name no month are left out."""
    for channel, spec in config["policy"]["channels"].items():
        for month, amount in sorted(spec.get("budget", {}).items()):
            if MONTH.fullmatch(month):
                where = f"policy.channels.{channel}.budget.{month}"
                path = ("policy", "channels", channel, "spend_month")
                yield Entry(where, path, amount, _day(config, f"{month}-01"), _day(config, f"{after(month)}-01"))


def after(month: str) -> str:
    """The month that follows."""
    return (date.fromisoformat(f"{month}-01") + timedelta(31)).isoformat()[:7]


def is_date(text: Any) -> bool:
    """Whether a key is a date as YYYY-MM-DD."""
    try:
        return len(text) == 10 and date.fromisoformat(text).year < LAST
    except (TypeError, ValueError):
        return False


def _day(config: Tree, text: str) -> int:
    return (date.fromisoformat(text) - date.fromisoformat(config["horizon"]["start"])).days


# what is wrong


def schedules(config: Tree) -> Iterator[Problem]:
    """Price lists have dates, budgets have months."""
    for product, spec in config["policy"]["products"].items():
        for text in spec.get("price_list", {}):
            if not is_date(text):
                yield f"policy.products.{product}.price_list.{text}", f"is no date, got {shown(text)}; YYYY-MM-DD"
    for channel, spec in config["policy"]["channels"].items():
        for text in spec.get("budget", {}):
            if not MONTH.fullmatch(text):
                yield f"policy.channels.{channel}.budget.{text}", f"is no month, got {shown(text)}; YYYY-MM"


def hiring(config: Tree) -> Iterator[Problem]:
    """Who is hired joins a desk that exists, and leaves after the first day at work."""
    desks = config["policy"]["desks"]
    for name, hire in config["policy"].get("hiring", {}).items():
        where = f"policy.hiring.{name}"
        if hire["desk"] not in desks:
            yield (
                f"{where}.desk",
                f"is no desk of policy.desks, got {shown(hire['desk'])}; {suggest(hire['desk'], desks)}",
            )
        wrong = [key for key in ("requested", "leave") if hire.get(key) is not None and not is_date(hire[key])]
        for key in wrong:
            yield f"{where}.{key}", f"is no date, got {shown(hire[key])}; YYYY-MM-DD"
        if not wrong and hire.get("leave") and hire["leave"] <= (arrival := arrives(hire)):
            yield f"{where}.leave", f"must be after the first day at work, got {hire['leave']}; later than {arrival}"


def arrives(hire: Tree) -> str:
    """First day at work of an entry of the hiring plan; part of a day of lead time counts as a day."""
    lead = hire.get("lead_days", 0)
    return (date.fromisoformat(hire["requested"]) + timedelta(int(-(-lead // 1)))).isoformat()


def idle(config: Tree) -> Iterator[str]:
    """Warnings of what stands in a plan and does nothing."""
    start, days = date.fromisoformat(config["horizon"]["start"]), float(config["horizon"]["days"])
    end = (start + timedelta(days)).isoformat()
    for channel, spec in config["policy"]["channels"].items():
        outside = [m for m in spec.get("budget", {}) if f"{m}-01" >= end or f"{after(m)}-01" <= start.isoformat()]
        if outside:
            where = f"policy.channels.{channel}.budget"
            yield f"{where}: has months outside the horizon, which do nothing, got {', '.join(sorted(outside)[:3])}"
    for name, hire in config["policy"].get("hiring", {}).items():
        if arrives(hire) >= end:
            yield f"policy.hiring.{name}: arrives after the horizon, on {arrives(hire)}; nobody comes"
        if hire.get("ramp_days") and hire.get("start_speed", 1) == 1:
            yield f"policy.hiring.{name}.ramp_days: does nothing, start_speed is 1; a speed below 1"
