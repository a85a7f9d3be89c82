"""Dated changes of a plan as markers of charts over time: changes, price lists, budgets, people who come and go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from analysis.report.plots import GREY, INK, Figure, Mark, safe

if TYPE_CHECKING:
    from analysis.report.strings import Catalogue

NEAR = 0.04
"""Share of the width below which labels would lie on each other: they are joined."""

LONGEST = 26
"""Signs of a label."""


@dataclass(frozen=True)
class Named:
    """Labels of products and channels by name."""

    products: Mapping[str, str]
    channels: Mapping[str, str]


def marks(policy: Mapping[str, Any], named: Named, text: Catalogue) -> tuple[Mark, ...]:
    """What a policy plans for which date, in order of time; entries without a proper date are left out.

    Parameters
    ----------
    policy : mapping
        ``policy`` of a configuration without references.
    named : Named
        Labels.
    text : Catalogue
        Words of the language.
    """
    found = [*_changes(policy, text), *_prices(policy, named, text), *_budgets(policy, named, text),
             *_people(policy, text)]  # fmt: skip
    return tuple(sorted({mark for mark in found if mark.day}, key=lambda mark: (mark.day, mark.label)))


def _changes(policy: Mapping[str, Any], text: Catalogue) -> Iterator[Mark]:
    for name, change in _entries(policy, "changes"):
        label = str(change.get("label") or name.replace("_", " "))
        yield Mark(_day(change.get("date")), label)
        if change.get("until"):
            yield Mark(_day(change["until"]), text("markers.ends", name=label))


def _prices(policy: Mapping[str, Any], named: Named, text: Catalogue) -> Iterator[Mark]:
    for name, product in _entries(policy, "products"):
        for day in product.get("price_list") or ():
            yield Mark(_day(day), text("markers.prices", name=named.products.get(name, name)))


def _budgets(policy: Mapping[str, Any], named: Named, text: Catalogue) -> Iterator[Mark]:
    """The first month with a budget: a mark for each month would say less."""
    for name, channel in _entries(policy, "channels"):
        months = sorted(channel.get("budget") or ())
        if months:
            yield Mark(_day(f"{months[0]}-01"), text("markers.budget", name=named.channels.get(name, name)))


def _people(policy: Mapping[str, Any], text: Catalogue) -> Iterator[Mark]:
    for name, hire in _entries(policy, "hiring"):
        label, heads = str(hire.get("label") or name.replace("_", " ")), int(hire.get("heads") or 0)
        asked = _day(hire.get("requested"))
        if heads and asked:
            arrival = date.fromisoformat(asked) + timedelta(math.ceil(float(hire.get("lead_days") or 0)))
            yield Mark(arrival.isoformat(), text("markers.arrive", name=label, heads=heads))
            if hire.get("leave"):
                yield Mark(_day(hire["leave"]), text("markers.leave", name=label))


def _entries(policy: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, entry in (policy.get(key) or {}).items():
        if isinstance(entry, Mapping):
            yield str(name), entry


def _day(text: Any) -> str:
    """An ISO date; empty for what is none."""
    try:
        return date.fromisoformat(str(text)[:10]).isoformat()
    except ValueError:
        return ""


def marked(figure: Figure, found: Sequence[Mark]) -> Figure:
    """A chart over dates with a line at every mark within them, and a label along it; near ones share a label."""
    days = sorted({str(x)[:10] for trace in figure["data"] for x in trace.get("x", ()) if x})
    inside = [mark for mark in found if days and days[0] <= mark.day <= days[-1]]
    if not inside:
        return figure
    layout = figure["layout"]
    lines = [_line(day) for day in dict.fromkeys(mark.day for mark in inside)]
    labels = [_label(group, days[0], days[-1]) for group in _joined(inside, days[0], days[-1])]
    layout["shapes"] = [*layout.get("shapes", ()), *lines]
    layout["annotations"] = [*layout.get("annotations", ()), *labels]
    return figure


def _line(day: str) -> Figure:
    return {"type": "line", "xref": "x", "yref": "paper", "x0": day, "x1": day, "y0": 0, "y1": 1, "layer": "below",
            "line": {"color": GREY, "width": 1, "dash": "dot"}}  # fmt: skip


def _joined(inside: Sequence[Mark], first: str, last: str) -> list[list[Mark]]:
    """Marks whose labels would lie on each other, together."""
    groups: list[list[Mark]] = []
    for mark in inside:
        if groups and _middle(mark.day, first, last) - _middle(groups[-1][0].day, first, last) < NEAR:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _share(begin: str, end: str, first: str, last: str) -> float:
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days or 1
    return (date.fromisoformat(end) - date.fromisoformat(begin)).days / days


def _middle(day: str, first: str, last: str) -> float:
    """Middle of a label as a share of the width."""
    place = _share(first, day, first, last)
    return place - NEAR / 2 if place >= NEAR else place + NEAR / 2


def _label(group: Sequence[Mark], first: str, last: str) -> Figure:
    """Along the line at its top, on its left where there is room."""
    names = list(dict.fromkeys(mark.label for mark in group))
    side = "right" if _share(first, group[0].day, first, last) >= NEAR else "left"
    return {
        "xref": "x", "x": group[0].day, "xanchor": side, "yref": "paper", "y": 1, "yanchor": "top",
        "text": safe(_short(names)), "hovertext": safe(", ".join(names)), "textangle": -90, "showarrow": False,
        "font": {"size": 10, "color": INK}, "borderpad": 1,
    }  # fmt: skip


def _short(names: Sequence[str]) -> str:
    whole = ", ".join(names)
    if len(whole) <= LONGEST:
        return whole
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    kept = names[0] if len(names[0]) + len(more) <= LONGEST else names[0][: LONGEST - 1 - len(more)].rstrip() + "…"
    return kept + more
