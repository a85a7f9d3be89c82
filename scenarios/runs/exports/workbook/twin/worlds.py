"""The same business with one thing after another taken away that a spreadsheet does not know.

Each is a change of the specification, so that what it is worth comes from simulating without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sim.distributions import bind
from sim.spec import StudySpec, Timeline
from sim.spec.distribution import Fixed
from sim.spec.fields import BySegment
from sim.spec.market import Channel, MarketSpec

LARGER, MOST_ACCOUNTS = 50, 1_000_000
"""How many times larger the market is that is never used up, and the most companies it may have; convention."""

DURATIONS = ("delay_days", "work_hours", "cooling_days")

METERED = ("gmv_month", "customer_sales_month", "use_month")
"""Amounts that a customer has of its own. Units sold keep their spread: whole units of a mean would be other units."""

Change = Callable[[StudySpec], StudySpec]


@dataclass(frozen=True)
class Step:
    """Something taken away.

    Attributes
    ----------
    name : str
    meaning : str
        What is simulated without it.
    change : callable
        Timeline to timeline.
    """

    name: str
    meaning: str
    change: Callable[[Timeline], Timeline]


def steps(timeline: Timeline, missing: Collection[str] = ()) -> list[Step]:
    """What is taken away, in this order; what the study does not have is not among it.

    Parameters
    ----------
    timeline : Timeline
        The study as it is.
    missing : collection of str
        Revenue parts for which the twin has no formulas.
    """
    found = []
    if timeline.opening is not None:
        found.append(Step("Opening state", "from an empty company", lambda t: replace(t, opening=None)))
    if timeline.later or _hires(timeline.spec):
        found.append(Step("Dated changes", "what holds at the start holds throughout", unchanged))
    if missing:
        found.append(Step("Other products", f"no {', '.join(missing)}", _each(partial(without, missing))))
    found.append(Step("Queues", "every desk always has someone free, at the same cost", _each(unlimited)))
    if timeline.contacts is None:
        meaning = f"{LARGER} times the companies, of whom as many are reached a month: it is never used up"
        found.append(Step("Saturation", meaning, _each(endless)))
    if any(effect.strength for effects in timeline.spec.effects.values() for effect in effects.values()):
        found.append(Step("Effects", "base probabilities and rates, moved by no signal", _each(unmoved)))
    found.append(Step("Noise", "customers alike, durations their mean, no month different by chance", _each(even)))
    return found


def _hires(spec: StudySpec) -> bool:
    return bool(getattr(spec.policy, "hiring", None))


def unchanged(timeline: Timeline) -> Timeline:
    """What holds on the first day holds throughout, and nobody is hired."""
    spec = timeline.spec
    settled: dict[str, Any] = {"hiring": {}} if _hires(spec) else {}
    return replace(timeline, later=(), spec=replace(spec, policy=replace(spec.policy, **settled)))


def without(parts: Collection[str], spec: StudySpec) -> StudySpec:
    """Nothing is earned by some parts."""
    kept = {name: part for name, part in spec.business.revenue.items() if name not in parts}
    return replace(spec, business=replace(spec.business, revenue=kept))


def _each(change: Change) -> Callable[[Timeline], Timeline]:
    """A change of every specification of a timeline."""

    def changed(timeline: Timeline) -> Timeline:
        later = tuple(replace(dated, spec=change(dated.spec)) for dated in timeline.later)
        return replace(timeline, spec=change(timeline.spec), later=later)

    return changed


def unlimited(spec: StudySpec) -> StudySpec:
    """As many people at every desk as there are companies, who together cost what the desk costs.

    An optional desk without people stays without.
    """
    many = spec.market.accounts
    optional = {d for s in spec.business.route.values() for d, need in getattr(s, "desks", {}).items()
                if need == "optional"}  # fmt: skip
    desks = {
        name: replace(desk, heads=many, cost_year=desk.cost_year * desk.heads / many)
        if desk.heads or name not in optional
        else desk
        for name, desk in spec.policy.desks.items()
    }
    return replace(spec, policy=replace(spec.policy, desks=desks))


def endless(spec: StudySpec) -> StudySpec:
    """A larger market that is reached at the same number of companies a month for the same money."""
    factor = max(2, min(LARGER, MOST_ACCOUNTS // spec.market.accounts))
    channels = {name: _thinner(channel, factor) for name, channel in spec.market.channels.items()}
    market: MarketSpec = replace(spec.market, accounts=spec.market.accounts * factor, channels=channels)
    return replace(spec, market=market)


def _thinner(channel: Channel, factor: int) -> Channel:
    rate = _scaled(channel.rate_month, 1 / factor)
    return replace(channel, rate_month=rate, reference_spend=channel.reference_spend / factor)


def _scaled(value: BySegment, factor: float) -> BySegment:
    if isinstance(value, dict):
        return {name: number * factor for name, number in value.items()}
    return value * factor


def unmoved(spec: StudySpec) -> StudySpec:
    """No signal moves anything."""
    return replace(spec, effects={})


def even(spec: StudySpec) -> StudySpec:
    """No lasting differences between companies, no spread of durations, no chance in a month's amounts."""
    business, market = spec.business, spec.market
    segments = tuple(market.segments)
    route = {name: _fixed(stop, DURATIONS, segments) for name, stop in business.route.items()}
    decisions = {name: replace(decision, frailty=0.0) for name, decision in business.decisions.items()}
    revenue = {name: _alike(part, segments) for name, part in business.revenue.items()}
    usage = replace(business.usage, spread=0.0, noise=0.0)
    alike = replace(business, route=route, decisions=decisions, revenue=revenue, usage=usage)
    calm = replace(market, noise=0.0, payment=_fixed(market.payment, ("delay_days",), segments))
    return replace(spec, business=alike, market=calm)


def _alike(part: Any, segments: tuple[str, ...]) -> Any:
    """A way of earning whose customers all have the mean, every month."""
    calm = replace(part, noise=0.0) if hasattr(part, "noise") else part
    return _fixed(calm, METERED, segments)


def _fixed(owner: Any, names: tuple[str, ...], segments: tuple[str, ...]) -> Any:
    """A dataclass whose distributions of these names are their means."""
    there = {field.name for field in fields(owner)} & set(names) if is_dataclass(owner) else set()
    means = {name: bind(getattr(owner, name), segments).mean for name in there}
    return replace(owner, **{name: Fixed("fixed", _by_name(mean, segments)) for name, mean in means.items()})


def _by_name(values: np.ndarray, segments: tuple[str, ...]) -> BySegment:
    return dict(zip(segments, values.tolist(), strict=True))
