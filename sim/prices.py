"""What buyers compare: our price over theirs, for the main product and for every product offered beside it.

Sources: [002]:116, L18, C62. A decision sees the price of the product that it is about; whatever no further product
is named for is about the main one.
"""

from __future__ import annotations

import numpy as np

from sim.distributions import by_segment
from sim.journey.route import side_ways
from sim.spec import BusinessSpec, StudySpec
from sim.spec.fields import BySegment

_BOUND = 3.0


def main_price_ratio(spec: StudySpec, segments: tuple[str, ...]) -> np.ndarray:
    """Logarithm of the list price over the price compared with, of the product of the first revenue part.

    Shape (segments,); 0 where nothing is listed or compared.
    """
    first = next(iter(spec.business.revenue.values()), None)
    return _ratio(spec, segments, first.product if first else None)


def price_ratios(spec: StudySpec, segments: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The same by name of every decision and duration about a further product; a bundle at its own price."""
    return {name: _ratio(spec, segments, *of) for name, of in _about(spec.business).items()}


def _ratio(spec: StudySpec, segments: tuple[str, ...], product: str | None, off: BySegment = 0.0) -> np.ndarray:
    listed = spec.policy.products.get(product) if product else None
    compared = spec.market.reference_price.get(product) if product else None
    if listed is None or compared is None:
        return np.zeros(len(segments))
    price = np.maximum(by_segment(listed.price, segments) * (1 - by_segment(off, segments)), 1e-9)
    return np.clip(np.log(price / by_segment(compared, segments)), -_BOUND, _BOUND)


def _about(business: BusinessSpec) -> dict[str, tuple[str, BySegment]]:
    """Product that decisions and durations are about, and the share off its list price."""
    found: dict[str, tuple[str, BySegment]] = {}
    for part in business.revenue.values():
        for key in ("interest", "keep", "bundle"):
            if name := getattr(part, key, None):
                found[name] = (part.product, getattr(part, "bundle_discount", 0.0) if key == "bundle" else 0.0)
    for stop, name in side_ways(business).items():
        product = business.revenue[name].product
        for target in (getattr(business.route[stop], "decision", None), f"{stop}_days", f"{stop}_hours"):
            if target:
                found.setdefault(target, (product, 0.0))
    return found
