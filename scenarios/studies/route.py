"""The route of a business as a graph: where stops lead, and what is wrong with the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scenarios.errors import shown, suggest
from scenarios.studies.resolve import Problem, Tree
from sim.spec.stops import END

Graph = dict[str, list[str]]


def route_problems(config: Tree) -> Iterator[Problem]:
    """Targets that do not exist, stops out of reach, without a way out, or in a circle that takes no time."""
    business = config["business"]
    route, start = business["route"], business["start"]
    if END in route:
        yield f"business.route.{END}", "is a reserved name, got a stop; another name"
    if start not in route:
        yield "business.start", f"is no stop of the route, got {shown(start)}; {suggest(str(start), route)}"
    lost = list(_unknown_targets(route))
    yield from lost
    graph = {stop: ways(spec) for stop, spec in route.items()}
    if start in route and not lost:
        offers = [part["way"] for part in business["revenue"].values() if part.get("way") in route]
        yield from _unreachable(graph, start, offers)
    yield from _endless(graph, route)
    yield from _instant(graph, route, config["policy"])


def _unknown_targets(route: Tree) -> Iterator[Problem]:
    known = [*route, END]
    for stop, spec in route.items():
        named = {key: spec.get(key) for key in ("then", "otherwise", "win_back")}
        named.update({f"to.{value}": target for value, target in spec.get("to", {}).items()})
        for key, target in named.items():
            if target and target not in known:
                reason = f"leads to no stop, got {shown(target)}; {suggest(str(target), known)}"
                yield f"business.route.{stop}.{key}", reason


def ways(spec: Mapping[str, Any]) -> list[str]:
    """Stops that an account may go to from a stop."""
    kind, then, otherwise = spec["kind"], spec.get("then"), spec.get("otherwise", END)
    if kind == "split":
        ways = [*spec["to"].values(), then]
    elif kind == "pool":
        ways = [then, spec.get("win_back") or then, otherwise]
    elif kind == "customer":
        ways = [then] * (spec.get("term_months") is not None) + [otherwise] * bool(spec.get("leave"))
    else:
        ways = [then] + [otherwise] * bool(spec.get("decision"))
    return list(dict.fromkeys(str(way) for way in ways))


def reach(graph: Graph, start: str) -> set[str]:
    """Stops that a way from ``start`` may come to, itself among them."""
    seen, todo = set(), [start]
    while todo:
        stop = todo.pop()
        if stop not in seen:
            seen.add(stop)
            todo += graph.get(stop, [])
    return seen


def _unreachable(graph: Graph, start: str, offers: list[str]) -> Iterator[Problem]:
    reached = set[str]().union(*(reach(graph, first) for first in (start, *offers)))
    for stop in graph:
        if stop not in reached:
            yield f"business.route.{stop}", f"is out of reach, got no way from {start}; a stop that leads to it"


def _endless(graph: Graph, route: Tree) -> Iterator[Problem]:
    """A stop must have a way on, and the way must lead to an end, a pool or a life as a customer."""
    resting = {END} | {stop for stop, spec in route.items() if spec["kind"] in ("pool", "customer")}
    for stop, spec in route.items():
        if not graph[stop]:
            reason = "has no exit, got neither term_months nor leave; one of the two"
            yield f"business.route.{stop}", reason
        elif spec["kind"] not in ("pool", "customer") and not resting & reach(graph, stop):
            yield f"business.route.{stop}", f"has no exit, got only ways to {', '.join(graph[stop])}; a way to {END}"


def _instant(graph: Graph, route: Tree, policy: Tree) -> Iterator[Problem]:
    """A circle of stops that take no time would never end."""
    quick = {stop for stop, spec in route.items() if _takes_no_time(spec, policy)}
    inner = {stop: [way for way in _taken(route[stop], graph[stop]) if way in quick] for stop in quick}
    reported: set[str] = set()
    for stop in sorted(quick):
        circle = {way for way in reach(inner, stop) if stop in _after(inner, way)}
        if stop in _after(inner, stop) and stop not in reported:
            reported |= circle
            ring = ", ".join(sorted(circle))
            yield f"business.route.{stop}", f"is in a circle without delay, got {ring}; a wait or work on the way"


def _taken(spec: Mapping[str, Any], ways: list[str]) -> list[str]:
    """Ways that are in use: a stop that is not enabled has one, and a pool without tries is only passed."""
    if spec["kind"] == "pool" and not spec["tries"]:
        return [spec.get("otherwise", END)]
    if spec.get("enabled", True):
        return ways
    return [spec.get("otherwise", END)] if spec["kind"] == "gate" else [spec["then"]]


def _after(graph: Graph, stop: str) -> set[str]:
    return {end for way in graph[stop] for end in reach(graph, way)}


def _takes_no_time(spec: Mapping[str, Any], policy: Tree) -> bool:
    if spec["kind"] in ("gate", "split"):
        return True
    if spec["kind"] == "wait":
        return spec.get("enabled") is False or _is_nothing(spec["delay_days"])
    if spec["kind"] == "pool":
        return _is_nothing(spec["cooling_days"])
    if spec["kind"] == "desk":
        optional = all(need == "optional" for need in spec["desks"].values())
        unmanned = optional and all(policy["desks"][desk]["heads"] == 0 for desk in spec["desks"])
        return unmanned or _is_nothing(spec["work_hours"])
    return False


def _is_nothing(duration: Mapping[str, Any]) -> bool:
    """Whether a duration is always 0, for any segment."""
    longest = duration.get({"fixed": "value", "uniform": "high", "triangular": "high"}.get(duration["kind"], ""), 1)
    return 0 in (longest.values() if isinstance(longest, Mapping) else (longest,))
