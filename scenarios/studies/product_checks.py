"""What must hold of products offered beside the main one: their ways, decisions, prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scenarios.errors import shown, suggest
from scenarios.studies.resolve import Problem, Tree
from scenarios.studies.route import reach, ways
from sim.spec.stops import END

OFFERED = ("add_on", "project")
"""Kinds of revenue parts that are offered to customers."""

_KINDS = ("desk", "wait", "gate", "split")
_EMITS = ("emits", "emits_then", "emits_otherwise")


def offered(business: Tree) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and specifications of the revenue parts that are offered to customers."""
    for name, part in business["revenue"].items():
        if part["kind"] in OFFERED:
            yield name, part


def on_the_way(business: Tree, part: Mapping[str, Any]) -> list[str]:
    """Stops on the way of an offer, in the order of the route; none if it is signed at once."""
    route, way = business["route"], part.get("way")
    reached = reach({stop: ways(spec) for stop, spec in route.items()}, str(way)) if way in route else set()
    return [stop for stop in route if stop in reached]


def offers(config: Tree) -> Iterator[Problem]:
    """An offer has a way of its own, on which it is sold and which the account's own journey does not touch."""
    business = config["business"]
    taken: dict[str, str] = {}
    for name, part in offered(business):
        where, way = f"business.revenue.{name}", part.get("way")
        if way is not None and way not in business["route"]:
            yield f"{where}.way", f"is no stop of the route, got {shown(way)}; {suggest(str(way), business['route'])}"
            continue
        stops = on_the_way(business, part)
        if shared := [stop for stop in stops if stop in _own(business)]:
            reason = (
                f"joins the account's own journey, got a way over {', '.join(shared[:3])}; stops of its own up to {END}"
            )
            yield f"{where}.way", reason
            continue
        yield from _stops(business, name, part, stops, taken)
        if way is not None and not any(_logs(business["route"][stop], _sold(part)) for stop in stops):
            yield f"{where}.way", f"never sells, got no stop that logs {_sold(part)}; emits_then: {_sold(part)}"


def _stops(
    business: Tree, name: str, part: Mapping[str, Any], stops: list[str], taken: dict[str, str]
) -> Iterator[Problem]:
    for stop in stops:
        where, spec = f"business.route.{stop}", business["route"][stop]
        other = taken.setdefault(stop, name)
        if other != name:
            yield where, f"is on two ways, got that of {name} and that of {other}; a stop for each"
        elif spec["kind"] not in _KINDS:
            yield f"{where}.kind", f"is on the way of an offer, got {spec['kind']}; {', '.join(_KINDS)}"
        for key in ("using", "paying"):
            if spec.get(key) is not None:
                yield f"{where}.{key}", f"is on the way of an offer, got {shown(spec[key])}; no {key}"
        for key in _EMITS:
            if spec.get(key) not in (None, _sold(part)):
                yield f"{where}.{key}", f"is on the way of an offer, got {shown(spec[key])}; nothing or {_sold(part)}"


def _own(business: Tree) -> set[str]:
    """Stops of the account's own journey."""
    return reach({stop: ways(spec) for stop, spec in business["route"].items()}, business["start"])


def _sold(part: Mapping[str, Any]) -> str:
    return str(part.get("starts", "cross_sold"))


def _logs(stop: Mapping[str, Any], activity: str) -> bool:
    return any(stop.get(key) == activity for key in _EMITS)


def offered_products(config: Tree) -> Iterator[Problem]:
    """A further product is not that of another part, asks its own decisions, and counts units that there are."""
    business = config["business"]
    by_decision: dict[str, str] = {}
    main = next((name for name, part in business["revenue"].items() if part["kind"] not in OFFERED), None)
    for name, part in offered(business):
        if main is not None and name == next(iter(business["revenue"])):
            yield f"business.revenue.{name}", f"is the first, got {part['kind']}; the main product first: {main}"
        where = f"business.revenue.{name}"
        twin = next((o for o, p in business["revenue"].items() if o != name and p["product"] == part["product"]), None)
        if twin is not None:
            yield f"{where}.product", f"is sold by {twin} as well, got {shown(part['product'])}; a product of its own"
        for key in ("interest", "keep", "bundle"):
            decision = part.get(key)
            other = by_decision.setdefault(decision, f"{name}.{key}") if decision else ""
            if other not in ("", f"{name}.{key}"):
                yield f"{where}.{key}", f"is asked by {other} as well, got {shown(decision)}; a decision of its own"
        yield from _measures(business, where, part)


def _measures(business: Tree, where: str, part: Mapping[str, Any]) -> Iterator[Problem]:
    """What the units count, where the hours are worked, how the product is ever sold."""
    of, yearly = part.get("per_unit_of"), [n for n, p in business["revenue"].items() if p["kind"] == "subscription"]
    if of is not None and of not in yearly:
        yield f"{where}.per_unit_of", f"is no subscription of the business, got {shown(of)}; {suggest(str(of), yearly)}"
    stop = part.get("stop")
    if stop is not None and stop not in on_the_way(business, part):
        yield f"{where}.stop", f"is not on the way of the offer, got {shown(stop)}; a desk stop of that way"
    for desk, need in business["route"].get(stop, {}).get("desks", {}).items():
        if need != "required":
            yield f"business.route.{stop}.desks.{desk}", f"works a project, got {shown(need)}; required"
    if part["kind"] == "project" and part.get("way") is None:
        yield f"{where}.way", "is missing, got nothing; the first stop of the way to the project"
    if part.get("interest") is None and part.get("bundle") is None:
        yield f"{where}.interest", "is missing, got nothing; a monthly decision by which customers come to want it"


def compared(config: Tree) -> Iterator[Problem]:
    """Who compares the price of a further product has a price to compare it with."""
    business, known = config["business"], config["market"]["reference_price"]
    for _, part in offered(business):
        asked = [part.get(key) for key in ("interest", "keep", "bundle")]
        asked += [business["route"][stop].get("decision") for stop in on_the_way(business, part)]
        seen = any(
            "price_ratio" in (key, effect.get("signal")) and effect["strength"]
            for name in asked if name for key, effect in config["effects"].get(name, {}).items()
        )  # fmt: skip
        if seen and part["product"] not in known:
            yield (
                f"market.reference_price.{part['product']}",
                "is missing, got nothing; the price that buyers compare with",
            )


PRODUCT_CHECKS = (offers, offered_products, compared)
