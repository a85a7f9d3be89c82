"""The route as a graph of averages: which stop sends which share where, and where a month must be waited in a circle.

A company that has signed once returns from the lost to another stop than one that never has, so a stop that both come
to stands twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scenarios.runs.exports.workbook.twin.cells import Expr, of, total
from scenarios.runs.exports.workbook.twin.means import Inputs, Means
from sim.spec import StudySpec
from sim.spec.stops import END

WAITS = {"wait": "delay_days", "desk": "work_hours", "pool": "cooling_days"}
"""By kind of stop: the key of its duration."""

MONTH_DAYS = 365.25 / 12

RETURNS = {False: "re_entered", True: "won_back"}
"""Activity of a return from the lost, by whether the company has been a customer."""


@dataclass(frozen=True)
class Node:
    """A stop as those meet it who have signed before, or have not."""

    stop: str
    former: bool


@dataclass(frozen=True, eq=False)
class Edge:
    """A way from one node to another (None: out of the market) with the share of those who leave that takes it."""

    source: Node
    target: Node | None
    share: tuple[Expr, ...]
    activity: str | None = None


@dataclass(eq=False)
class Graph:
    """Nodes that can be reached, the edges between them, and how long each keeps a company.

    Attributes
    ----------
    days : dict
        Months at a stop by segment, of stops that take time.
    cut : set of Node
        Nodes that keep a company for a month at least, so that no month depends on itself.
    """

    spec: StudySpec
    inputs: Inputs
    means: Means
    working: Expr
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    months: dict[str, list[Expr]] = field(default_factory=dict)
    cut: set[Node] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._durations()
        self._walk(Node(self.spec.business.start, False))
        order = list(self.spec.business.route)
        self.nodes.sort(key=lambda node: (node.former, order.index(node.stop)))
        while circle := self._circle():
            self.cut.add(max(circle, key=self._longest))

    def passes(self, name: str) -> bool:
        """Whether a stop takes no time."""
        stop: Any = self.spec.business.route[name]
        if stop.kind in ("gate", "split") or not getattr(stop, "enabled", True):
            return True
        return stop.kind == "desk" and "optional" in stop.desks.values() and not self._heads(stop)

    def chance(self, decision: str | None) -> tuple[Expr, ...]:
        """Base probability of a decision by segment, 1 without one."""
        if decision is None:
            return tuple(of(1.0) for _ in self.means.segments)
        key = f"business.decisions.{decision}.base"
        return tuple(self.inputs.get(key, segment) for segment in self.means.segments)

    def into(self, node: Node) -> list[Edge]:
        """Edges that lead to a node."""
        return [edge for edge in self.edges if edge.target == node]

    def out_of(self, node: Node) -> list[Edge]:
        """Edges that leave a node."""
        return [edge for edge in self.edges if edge.source == node]

    def way(self, first: Node, last: Node) -> list[Node]:
        """Nodes of the shortest way from one to another, both included, past no pool and no life as a customer."""
        known: dict[Node, list[Node]] = {first: [first]}
        waiting = [first]
        while waiting:
            here = waiting.pop(0)
            if here == last:
                return known[here]
            if self.spec.business.route[here.stop].kind in ("pool", "customer"):
                continue
            for edge in self.out_of(here):
                if edge.target is not None and edge.target not in known:
                    known[edge.target] = [*known[here], edge.target]
                    waiting.append(edge.target)
        return []

    def _heads(self, stop: Any) -> int:
        return self.spec.policy.desks[next(iter(stop.desks))].heads

    def _durations(self) -> None:
        for name, stop in self.spec.business.route.items():
            key = WAITS.get(stop.kind)
            if key is None or self.passes(name):
                continue
            where = f"business.route.{name}.{key}"
            each = [self.inputs.mean(where, getattr(stop, key), segment) for segment in self.means.segments]
            unit = "hours" if stop.kind == "desk" else "days"
            mean = self.means.add(f"{name}, mean", unit, each)
            divisor = self.working if stop.kind == "desk" else of(MONTH_DAYS)
            self.months[name] = self.means.add(f"{name}, duration", "months", [m / divisor for m in mean], "factor")

    def _walk(self, node: Node) -> None:
        """Follow the route from a node, breadth first."""
        waiting = [node]
        while waiting:
            here = waiting.pop(0)
            if here in self.nodes:
                continue
            self.nodes.append(here)
            found = [edge for edge in self._leaving(here) if any(share.known != 0 for share in edge.share)]
            self.edges += found
            waiting += [edge.target for edge in found if edge.target is not None]

    def _leaving(self, node: Node) -> Iterator[Edge]:
        stop: Any = self.spec.business.route[node.stop]
        if stop.kind == "split":
            yield from self._split(node, stop)
        elif stop.kind == "pool":
            yield from self._returns(node, stop)
        elif stop.kind == "customer" and stop.term_months is None:
            yield self._edge(node, stop.otherwise, self.chance(None), stop.emits_otherwise)
        elif not getattr(stop, "enabled", True):
            gate = stop.kind == "gate"
            emits = stop.emits_otherwise if gate else stop.emits_then
            yield self._edge(node, stop.otherwise if gate else stop.then, self.chance(None), emits)
        else:
            yes = self.chance(getattr(stop, "decision", None))
            yield self._edge(node, stop.then, yes, stop.emits_then)
            yield self._edge(node, stop.otherwise, tuple(of(1.0) - p for p in yes), stop.emits_otherwise)

    def _edge(self, node: Node, target: str, share: tuple[Expr, ...], activity: str | None) -> Edge:
        if target == END:
            return Edge(node, None, share, activity)
        signs = "signed" in (activity, self.spec.business.route[target].emits)
        return Edge(node, Node(target, node.former or signs), share, activity)

    def _returns(self, node: Node, stop: Any) -> Iterator[Edge]:
        """Those who come back; the share is of what the pool lets go."""
        target = (stop.win_back or stop.then) if node.former else stop.then
        yield self._edge(node, target, tuple(of(1.0) for _ in self.means.segments), RETURNS[node.former])

    def _split(self, node: Node, stop: Any) -> Iterator[Edge]:
        for target in dict.fromkeys((*stop.to.values(), stop.then)):
            share = tuple(self._part(stop, target, place) for place in range(len(self.means.segments)))
            yield self._edge(node, target, share, stop.emits_then)

    def _part(self, stop: Any, target: str, place: int) -> Expr:
        """Share of a segment that a split sends to a target."""
        segment, market = self.means.segments[place], self.spec.market
        if stop.by == "segment":
            return of(float(stop.to.get(segment, stop.then) == target))
        every: dict[str, Any] = {"industry": market.industries, "region": market.regions, "channel": market.channels}
        groups = every[stop.by]
        if stop.by == "channel":
            weights = {name: self.inputs.get(f"market.channels.{name}.rate_month", segment) for name in groups}
        else:
            key = {"industry": "industries", "region": "regions"}[stop.by]
            weights = {name: self.inputs.get(f"market.{key}.{name}.share") for name in groups}
        chosen = total(weight for name, weight in weights.items() if stop.to.get(name, stop.then) == target)
        return chosen / total(weights.values())

    def _longest(self, node: Node) -> float:
        stop: Any = self.spec.business.route[node.stop]
        if stop.kind == "customer":
            return float(stop.term_months or 0.5)
        return max((m.value(0) for m in self.months.get(node.stop, ())), default=-1.0)

    def _circle(self) -> list[Node]:
        """Nodes of a circle in which nothing is cut yet, empty if there is none."""
        done: set[Node] = set()

        def search(node: Node, trail: list[Node]) -> list[Node]:
            if node in trail:
                return trail[trail.index(node) :]
            if node in done or node in self.cut:
                return []
            for edge in self.out_of(node):
                if edge.target and (found := search(edge.target, [*trail, node])):
                    return found
            done.add(node)
            return []

        return next((found for node in self.nodes if (found := search(node, []))), [])
