"""The synthetic companies, as columns. Traits are keyed by account: a population of 5,000 is the prefix of 8,000."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.distributions import bind, normal
from sim.spec import Contacts, MarketSpec, Opening
from sim.streams import BLOCK, Streams


@dataclass(frozen=True, eq=False)
class Population:
    """Attributes at birth, one element per account, padded to whole blocks of draws.

    Attributes
    ----------
    size : int
        Number of accounts; columns are longer, the rest is padding that nothing reads.
    segment, industry, region : int arrays
        Indices into the market's mappings.
    employees : float array
        Head count, at least 1.
    need, fit : float arrays
        Standard normal: severity of the need, fit of the offer.
    external_id : tuple of str
        Id in the world outside.
    """

    size: int
    segments: tuple[str, ...]
    industries: tuple[str, ...]
    regions: tuple[str, ...]
    segment: np.ndarray
    industry: np.ndarray
    region: np.ndarray
    employees: np.ndarray
    need: np.ndarray
    fit: np.ndarray
    external_id: tuple[str, ...]


def population(
    market: MarketSpec, streams: Streams, contacts: Contacts | None = None, opening: Opening | None = None
) -> Population:
    """Draw the companies of a market, or give companies of a file the traits that the file does not tell."""
    size = len(contacts.external_id) if contacts else market.accounts
    padded = -(-size // BLOCK) * BLOCK

    def trait(name: str) -> np.ndarray:
        return streams.uniforms(streams.name(f"trait.{name}"), 0, 0, padded)

    segment = _category(trait("segment"), {name: s.share for name, s in market.segments.items()})
    if contacts is not None and contacts.segment is not None:
        segment[:size] = contacts.segment
    if opening is not None and opening.segment is not None:
        told = opening.segment
        segment[: len(told)] = np.where(told >= 0, told, segment[: len(told)])
    employees = np.ones(padded)
    u = trait("employees")
    names = tuple(market.segments)
    for index, spec in enumerate(market.segments.values()):
        chosen = segment == index
        employees[chosen] = bind(spec.employees, names).ppf(u[chosen], segment[chosen])
    return Population(
        size=size,
        segments=names,
        industries=tuple(market.industries),
        regions=tuple(market.regions),
        segment=segment,
        industry=_category(trait("industry"), {name: g.share for name, g in market.industries.items()}),
        region=_category(trait("region"), {name: g.share for name, g in market.regions.items()}),
        employees=np.maximum(1.0, np.rint(employees)),
        need=normal(trait("need")),
        fit=normal(trait("fit")),
        external_id=_ids(size, contacts.external_id if contacts else opening.external_id if opening else ()),
    )


def _ids(size: int, known: tuple[str, ...]) -> tuple[str, ...]:
    """Ids from outside for the first accounts, ids of our own that none of those is for the others."""
    taken = set(known)

    def own(number: int) -> str:
        name = f"A{number:07d}"
        return own(number + size) if name in taken else name

    return (*known, *(own(a) for a in range(len(known), size)))


def _category(u: np.ndarray, shares: dict[str, float]) -> np.ndarray:
    """Category of each uniform by inversion, in the order of names: the order of the file changes nothing."""
    names = sorted(shares)
    place = np.array([list(shares).index(name) for name in names])
    bounds = np.cumsum([shares[name] for name in names])
    return place[np.minimum(np.searchsorted(bounds / bounds[-1], u, side="right"), len(names) - 1)]
