"""What a schema cannot say of a configuration: names that must exist, sums, orders, dates.

Every check reads the resolved configuration and yields what is wrong. Where the schema has found a mistake, a
check that trips over it is left out; all others still report, so that a user sees everything at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from scenarios.errors import bad_name, shown, suggest
from scenarios.studies.budget import EVENTS_PER_ACCOUNT as EVENTS_PER_ACCOUNT
from scenarios.studies.budget import excess, size
from scenarios.studies.execution_checks import execution
from scenarios.studies.forecast_checks import forecasts
from scenarios.studies.plans import hiring, idle, schedules
from scenarios.studies.product_checks import PRODUCT_CHECKS
from scenarios.studies.resolve import Problem, Tree
from scenarios.studies.route import route_problems
from scenarios.studies.settings import CONF
from sim.events import ACTIVITIES
from sim.hiring import hired

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RATES = ("gmv", "customer_sales", "consumption")
"""Rates of the revenue parts that effects may move."""

CURRENCY = re.compile("[A-Z]{3}")
"""The form of a code of ISO 4217."""

Check = Callable[[Tree], Iterator[Problem]]


def semantic_problems(config: Tree, broken: bool) -> list[Problem]:
    """All problems of meaning; with ``broken`` a check may fail on what the schema has reported already."""
    problems: list[Problem] = []
    for check in CHECKS:
        try:
            for problem in check(config):
                problems.append(problem)
        except (KeyError, TypeError, ValueError, AttributeError):
            if not broken:
                raise
    return problems


def named(where: str, value: Any, known: Iterable[str], what: str) -> Iterator[Problem]:
    """A problem if ``value`` is not among the names ``known``; null names nothing."""
    known = list(known)
    if isinstance(value, str) and value not in known:
        yield where, f"is no {what}, got {shown(value)}; {suggest(value, known)}"


def iso_date(where: str, text: Any) -> Iterator[Problem]:
    """A problem if ``text`` is not an ISO date."""
    try:
        if len(text) != 10:
            raise ValueError
        date.fromisoformat(text)
    except (TypeError, ValueError):
        yield where, f"is no date, got {shown(text)}; YYYY-MM-DD"


def shares(config: Tree) -> Iterator[Problem]:
    """Shares of segments, industries and regions sum to 1."""
    for kind in ("segments", "industries", "regions"):
        total = math.fsum(group["share"] for group in config["market"][kind].values())
        if abs(total - 1) > 1e-9:
            yield f"market.{kind}", f"shares must sum to 1, got {total:.10g}; change one of them by {1 - total:.10g}"


def calendars(config: Tree) -> Iterator[Problem]:
    """Months and weekdays are complete."""
    market = config["market"]
    for key, known in (("season", MONTHS), ("buying", MONTHS), ("weekday", WEEKDAYS)):
        for name in market[key]:
            yield from named(f"market.{key}.{name}", name, known, "month" if known is MONTHS else "weekday")
        absent = [name for name in known if name not in market[key]]
        if absent:
            yield f"market.{key}", f"is not complete, got no {', '.join(absent)}; {known[0]} to {known[-1]}"


def dates(config: Tree) -> Iterator[Problem]:
    """Dates are dates."""
    yield from iso_date("horizon.start", config["horizon"]["start"])
    for key in ("holidays", "make_up_days"):
        for name, day in config["policy"]["calendar"].get(key, {}).items():
            yield from iso_date(f"policy.calendar.{key}.{name}", day)


def activities(config: Tree) -> Iterator[Problem]:
    """What is logged and what counts as a milestone is an activity."""
    business = config["business"]
    for stop, spec in business["route"].items():
        for key in ("emits", "emits_then", "emits_otherwise"):
            yield from named(f"business.route.{stop}.{key}", spec.get(key), ACTIVITIES, "activity")
    for key, value in business["milestones"].items():
        yield from named(f"business.milestones.{key}", value, ACTIVITIES, "activity")
    for part, spec in business["revenue"].items():
        for key in ("starts", "delivered", "repeats", "bundle_at"):
            yield from named(f"business.revenue.{part}.{key}", spec.get(key), ACTIVITIES, "activity")


def decisions(config: Tree) -> Iterator[Problem]:
    """Decisions that stops and revenue parts name exist, with the occurrence that their place needs."""
    known = config["business"]["decisions"]
    for where, name, needed in _uses(config["business"]):
        yield from named(where, name, known, "decision of business.decisions")
        if name not in known:
            continue
        given = known[name].get("occurrence", "attempt")
        if given not in needed:
            reason = f"must be {' or '.join(needed)}, got {shown(given)}; {where} needs it"
            yield f"business.decisions.{name}.occurrence", reason


def _uses(business: Tree) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for stop, spec in business["route"].items():
        if spec.get("decision"):
            yield f"business.route.{stop}.decision", spec["decision"], ("attempt", "carried", "once")
        if spec.get("leave"):
            yield f"business.route.{stop}.leave", spec["leave"], ("threshold",)
    for part, spec in business["revenue"].items():
        for key in ("expand", "shrink", "interest", "keep"):
            if spec.get(key):
                yield f"business.revenue.{part}.{key}", spec[key], ("period",)
        if spec.get("bundle"):
            yield f"business.revenue.{part}.bundle", spec["bundle"], ("attempt",)


def names(config: Tree) -> Iterator[Problem]:
    """Desks, channels, products and stops that are named elsewhere exist."""
    business, market, policy = config["business"], config["market"], config["policy"]
    for stop, spec in business["route"].items():
        for desk in spec.get("desks", {}):
            yield from named(f"business.route.{stop}.desks.{desk}", desk, policy["desks"], "desk of policy.desks")
    for channel in policy["channels"]:
        yield from named(f"policy.channels.{channel}", channel, market["channels"], "channel of market.channels")
    desk_stops = [s for s, spec in business["route"].items() if spec.get("kind") == "desk"]
    for part, spec in business["revenue"].items():
        where = f"business.revenue.{part}"
        yield from named(f"{where}.product", spec.get("product"), policy["products"], "product of policy.products")
        yield from named(f"{where}.stop", spec.get("stop"), desk_stops, "desk stop of the route")


def splits(config: Tree) -> Iterator[Problem]:
    """A split names values of what it splits by."""
    market = config["market"]
    groups = {"segment": "segments", "channel": "channels", "industry": "industries", "region": "regions"}
    for stop, spec in config["business"]["route"].items():
        if spec.get("kind") == "split" and spec["by"] in groups:
            for name in spec["to"]:
                yield from named(f"business.route.{stop}.to.{name}", name, market[groups[spec["by"]]], spec["by"])


def reference_prices(config: Tree) -> Iterator[Problem]:
    """Buyers who compare prices have a price to compare with."""
    first = next((part["product"] for part in config["business"]["revenue"].values()), None)
    compared = any("price_ratio" in (key, effect.get("signal")) for _, key, effect in _effects(config))
    if compared and first is not None and first not in config["market"]["reference_price"]:
        yield f"market.reference_price.{first}", "is missing, got nothing; the price that buyers compare with"


def lives(config: Tree) -> Iterator[Problem]:
    """A customer lives by a term or by the month; hours are sold by a desk that must be staffed."""
    route = config["business"]["route"]
    for name, stop in route.items():
        if stop["kind"] == "customer" and stop.get("leave") and stop.get("term_months") is not None:
            where = f"business.route.{name}.leave"
            yield where, f"is never asked, got {shown(stop['leave'])} beside term_months; one of the two"
    for name, part in config["business"]["revenue"].items():
        desks = route.get(part.get("stop"), {}).get("desks", {}) if part["kind"] == "staff_hours" else {}
        for desk, need in desks.items():
            if need != "required":
                where = f"business.route.{part['stop']}.desks.{desk}"
                yield where, f"sells hours (business.revenue.{name}), got {shown(need)}; required"


def instalments(config: Tree) -> Iterator[Problem]:
    """Deposit and retention of an order are parts of it."""
    for name, part in config["business"]["revenue"].items():
        parts = part.get("deposit", 0) + part.get("retention", 0)
        if parts > 1:
            where = f"business.revenue.{name}.retention"
            yield where, f"and deposit exceed the order, got a sum of {shown(parts)}; at most 1 together"


def labels(config: Tree) -> Iterator[Problem]:
    """Names of the parts of a study are names, and its currency is a code."""
    for group in ("business", "market", "policy"):
        if reason := bad_name(config[group]["name"]):
            yield f"{group}.name", reason
    currency = config["business"].get("currency", "CNY")
    if not CURRENCY.fullmatch(currency):
        yield "business.currency", f"is no code of a currency, got {shown(currency)}; three letters, for example CNY"


def orders(config: Tree) -> Iterator[Problem]:
    """Ranges of effects have two ends in order."""
    for target, key, effect in _effects(config):
        ends = effect["range"]
        if len(ends) != 2 or ends[0] > ends[1]:
            yield f"effects.{target}.{key}.range", f"must be [low, high], got {shown(ends)}; two numbers in order"


def effect_targets(config: Tree) -> Iterator[Problem]:
    """Effects move what this business decides, waits for or earns, or what a shipped effects file is named for."""
    known = {*targets(config["business"]), *(path.stem for path in (CONF / "effects").glob("*.yaml"))}
    for target in config["effects"]:
        yield from named(f"effects.{target}", target, sorted(known), "decision, duration or rate")


def signals(config: Tree) -> Iterator[Problem]:
    """Signals that effects name exist."""
    from sim.signals import SIGNALS

    for target, key, effect in _effects(config):
        where = f"effects.{target}.{key}" + (".signal" if effect.get("signal") else "")
        yield from named(where, effect.get("signal") or key, SIGNALS, "signal")


def trace_columns(config: Tree) -> Iterator[Problem]:
    """A trace names the columns it cannot do without, and channels that exist."""
    contacts, market = config["market"]["first_contacts"], config["market"]
    if contacts.get("kind") != "trace":
        return
    for key in ("external_id", "date"):
        if key not in contacts["columns"]:
            yield f"market.first_contacts.columns.{key}", "is missing, got nothing; the name of that column"
    blank = contacts.get("blank_channel", "unknown")
    yield from named("market.first_contacts.blank_channel", blank, market["channels"], "channel of market.channels")


def _effects(config: Tree) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for target, terms in config["effects"].items():
        for key, effect in terms.items():
            yield target, key, effect


def targets(business: Tree) -> list[str]:
    """What effects can move in this business: decisions, durations of stops, rates."""
    suffix = {"wait": "days", "desk": "hours"}
    durations = [f"{s}_{suffix[spec['kind']]}" for s, spec in business["route"].items() if spec["kind"] in suffix]
    return [*business["decisions"], *durations, *RATES]


def over_budget(config: Tree, accounts: int) -> Iterator[Problem]:
    """The predicted size of the run against the budget, at the key that makes it large."""
    makes = f"{accounts} accounts x {config['replications']} replications"
    for key, text in excess(size(config, accounts), config["execution"]["budget"]).items():
        where = "replications" if key == "runs" or config["replications"] > accounts else "market.accounts"
        yield where, f"{text} ({makes})"


def cautions(config: Tree) -> Iterator[str]:
    """What is possible and probably not meant."""
    hires = config["policy"].get("hiring", {})
    yield from idle(config)
    for stop, spec in config["business"]["route"].items():
        for desk, need in spec.get("desks", {}).items():
            if need == "required" and config["policy"]["desks"][desk]["heads"] == 0 and not hired(hires, desk):
                where = f"policy.desks.{desk}.heads"
                yield f"{where}: is 0 and stop {stop} requires the desk; accounts wait there for good"
    for target, key, effect in _effects(config):
        low, high = effect["range"]
        if not low <= effect["strength"] <= high:
            where, got = f"effects.{target}.{key}.strength", shown(effect["strength"])
            yield f"{where}: is outside its range, got {got}; evidence is for {shown([low, high])}"


CHECKS: tuple[Check, ...] = (
    shares,
    calendars,
    dates,
    activities,
    decisions,
    names,
    splits,
    reference_prices,
    lives,
    instalments,
    labels,
    orders,
    effect_targets,
    signals,
    trace_columns,
    schedules,
    hiring,
    route_problems,
    *PRODUCT_CHECKS,
    forecasts,
    execution,
)
