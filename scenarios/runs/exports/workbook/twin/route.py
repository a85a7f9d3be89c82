"""Companies on their way, as lines of a grid: how many come to every stop, and leave it, in every month.

Averages throughout: a decision sends on its base probability, a duration is its mean, a desk always has someone free.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

from scenarios.runs.exports.workbook.twin.cells import Cells, Expr, Grid, called, of, total
from scenarios.runs.exports.workbook.twin.graph import Edge, Graph, Node

Lines = tuple[Cells, ...]
"""One line for every segment."""


class Route:
    """Flows along a graph.

    Parameters
    ----------
    grid : Grid
    graph : Graph
    contracts : dict
        By activity that begins a contract term with an agreed end: its length in months.

    Attributes
    ----------
    contacts : tuple of Cells
        First contacts; whoever makes the route defines them.
    """

    def __init__(self, grid: Grid, graph: Graph, contracts: dict[str, Expr]) -> None:
        self.grid, self.graph, self.contracts = grid, graph, contracts
        self.segments = graph.means.segments
        self._named: dict[tuple[str, frozenset[Node] | None], Lines] = {}
        grid.section("First contacts, companies")
        self.contacts = self._declare("first contact")
        self.arrived: dict[Node, Lines] = {}
        self.left: dict[Node, Lines] = {}
        for node in graph.nodes:
            self._stop(node)
        for node in graph.nodes:
            self._define(node)

    def activity(self, name: str, within: frozenset[Node] | None = None) -> Lines:
        """Companies to whom something happens in a month, by segment.

        Parameters
        ----------
        name : str
            The activity.
        within : frozenset of Node, optional
            Only on leaving these.
        """
        if (name, within) not in self._named:
            edges = [e for e in self.graph.edges if e.activity == name and (within is None or e.source in within)]
            entries = [node for node in self.graph.nodes if self._spec(node).emits == name and within is None]
            each = [
                total([*(self._flow(edge, s) for edge in edges), *(self.arrived[node][s] for node in entries)])
                for s in range(len(self.segments))
            ]
            label = name if within is None else f"{name} (of those who earn)"
            self._named[name, within] = self.lines(label, each, "companies")
        return self._named[name, within]

    def lines(self, label: str, each: Sequence[Expr], note: str = "", form: str = "count") -> Lines:
        """A line for every segment."""
        return tuple(
            self.grid.line(f"{label}: {segment}", content, note, form)
            for segment, content in zip(self.segments, each, strict=True)
        )

    def after(self, activity: str) -> frozenset[Node]:
        """Nodes that those come to who were met by an activity, up to where they are lost."""
        waiting = [edge.target for edge in self.graph.edges if edge.activity == activity]
        waiting += [node for node in self.graph.nodes if self._spec(node).emits == activity]
        found: set[Node] = set()
        while waiting:
            node = waiting.pop()
            if node is None or node in found or self._spec(node).kind == "pool":
                continue
            found.add(node)
            waiting += [e.target for e in self.graph.out_of(node) if e.activity not in ("churned", "lost")]
        return frozenset(found)

    def elapsed(self, node: Node, since: frozenset[str], segment: int) -> Expr | None:
        """Months from an activity to the moment at which a node is left, along the shortest way there is."""
        begins = [edge.target for edge in self.graph.edges if edge.activity in since]
        begins += [place for place in self.graph.nodes if self._spec(place).emits in since]
        ways = [way for begin in begins if begin and (way := self.graph.way(begin, node))]
        return self._months(min(ways, key=len), segment) if ways else None

    def between(self, first: Node, last: Node, segment: int) -> Expr | None:
        """Months from coming to a node to leaving another one."""
        way = self.graph.way(first, last)
        return self._months(way, segment) if way else None

    def circle(self, activity: str, segment: int) -> tuple[Expr, Expr] | None:
        """Months from an activity to its next time, and the share to whom it happens again."""
        for edge in self.graph.edges:
            way = self.graph.way(edge.target, edge.source) if edge.activity == activity and edge.target else None
            if way:
                taken = [next(e for e in self.graph.out_of(a) if e.target == b) for a, b in pairwise(way)]
                shares = [each.share[segment] for each in (*taken, edge)]
                return self._months(way, segment), reduce(lambda a, b: a * b, shares, of(1.0))
        return None

    def _months(self, way: Sequence[Node], segment: int) -> Expr:
        """Months that the nodes of a way keep a company; a term or a life as a customer is not on any way."""
        return total(self.graph.months[node.stop][segment] for node in way if node.stop in self.graph.months)

    def _spec(self, node: Node) -> Any:
        return self.graph.spec.business.route[node.stop]

    def _declare(self, label: str, note: str = "companies") -> Lines:
        return tuple(self.grid.declare(f"{label}: {segment}", note) for segment in self.segments)

    def _stop(self, node: Node) -> None:
        """Make the lines of a stop, in the order in which they are to be read."""
        self.grid.section(f"{node.stop}{' (signed before)' if node.former else ''}, companies")
        self.arrived[node] = self._declare("comes")
        if self.graph.passes(node.stop):
            self.left[node] = self.arrived[node]
        else:
            self.left[node] = self._declare("leaves")
            if self._spec(node).kind == "pool":
                self._pool(node)
            elif self._spec(node).kind == "customer" and self._spec(node).term_months is not None:
                self._term(node)

    def _define(self, node: Node) -> None:
        spec = self._spec(node)
        for s, line in enumerate(self.arrived[node]):
            coming = [self._flow(edge, s) for edge in self.graph.into(node)]
            if node == Node(self.graph.spec.business.start, False):
                coming.append(self.contacts[s])
            line.define(total(coming))
        if self.graph.passes(node.stop) or spec.kind == "pool" or getattr(spec, "term_months", None) is not None:
            return
        if spec.kind == "customer":
            self._members(node)
            return
        for s, line in enumerate(self.left[node]):
            line.define(self._lag(self.arrived[node][s], self.graph.months[node.stop][s], node))

    def _flow(self, edge: Edge, segment: int) -> Expr:
        """Those who take a way; its source need not have its lines yet."""
        if edge.source in self.left:
            return self.left[edge.source][segment] * edge.share[segment]
        return Expr(
            lambda m, home: (self.left[edge.source][segment] * edge.share[segment]).text(m, home),
            lambda m: (self.left[edge.source][segment] * edge.share[segment]).value(m),
        )

    def _lag(self, line: Cells, months: Expr, node: Node) -> Expr:
        if node in self.graph.cut:
            return line.lag(called("MAX", max, of(1.0), months), 1)
        return line.lag(months)

    def _members(self, node: Node) -> None:
        """Life month by month: whoever is there when a month ends leaves with the base probability."""
        chance = self.graph.chance(self._spec(node).leave) if self._spec(node).leave else None
        for s, line in enumerate(self.left[node]):
            there = self.grid.declare(f"stays: {self.segments[s]}", "companies")
            if node in self.graph.cut:
                line.define(there.before() * (chance[s] if chance else 0.0))
            else:
                line.define((there.before() + self.arrived[node][s]) * (chance[s] if chance else 0.0))
            there.define(there.before() + self.arrived[node][s] - line)

    def _pool(self, node: Node) -> None:
        """The lost: after every cooling a share comes back, as often as there are tries within the horizon."""
        spec, months = self._spec(node), self.graph.months[node.stop]
        chance = self.graph.chance(spec.decision)
        most = min(int(spec.tries), self.grid.months)
        for s, segment in enumerate(self.segments):
            tries: list[Cells] = []
            for number in range(1, most + 1):
                line = self.grid.declare(f"point {number} of returning: {segment}", "companies")
                waiting = tries[-1] if tries else self.arrived[node][s]
                stays = of(1.0) - chance[s] if tries else of(1.0)
                tries.append(line.define(self._lag(waiting, months[s], node) * stays))
            self.left[node][s].define(total(tries) * chance[s])

    def _term(self, node: Node) -> None:
        """A contract term: it ends with the contract where one runs, else its own length after the arrival."""
        spec = self._spec(node)
        length = self.graph.inputs.get(f"business.route.{node.stop}.term_months", "", spec.term_months)
        since = frozenset(self.contracts)
        for s, segment in enumerate(self.segments):
            parts = []
            for edge in self.graph.into(node):
                gone = self.elapsed(edge.source, since, s) if since and edge.activity not in since else None
                rest = length - gone if gone is not None else length
                rest = called("MAX", max, of(1.0 if node in self.graph.cut else 0.0), rest)
                door = self.grid.line(f"from {edge.source.stop}: {segment}", self._flow(edge, s), "companies")
                parts.append(door.lag(rest, int(node in self.graph.cut)))
            self.left[node][s].define(total(parts))
