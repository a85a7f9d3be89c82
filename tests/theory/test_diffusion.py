"""Word of mouth: the diffusion curve of Bass (1969)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import exp, log

import numpy as np
import pytest

from sim.spec import DecisionSpec
from sim.spec.market import Channel
from sim.units import DAYS_PER_MONTH
from tests.theory.check import SEEDS, Estimate, Theory, assert_agrees, mean
from tests.theory.studies import Events, business, gate, market, run, study


@dataclass(frozen=True)
class Bass(Theory):
    """Everyone signs on first contact, by advert or because others are customers.

    With F the share of customers, the chance of a contact in a day is 1 - exp(-(p + q F)): F follows Bass's
    equation in steps of a day. Its rate of growth peaks when F = (1 - p / q) / 2.
    """

    innovation: float = 0.03
    imitation: float = 0.3
    biased = ("innovation", "imitation")
    days = 720
    at = (250, 300, 350)

    def path(self) -> Iterator[float]:
        """Share of customers at the end of days 0, 1, 2..."""
        share = 0.0
        for _ in range(self.days + 1):
            yield share
            share = 1 - (1 - share) * exp(-(self.innovation + self.imitation * share) / DAYS_PER_MONTH)

    @property
    def turning_point(self) -> float:
        """Share of customers at the peak of growth."""
        return (1 - self.innovation / self.imitation) / 2

    def expected(self) -> dict[str, float]:
        path = list(self.path())
        return {
            **{f"share on day {t}": path[t] for t in self.at},
            "day of half the way": float(np.interp(0.5, path, range(len(path)))),
        }

    def observed(self) -> dict[str, Estimate]:
        days = signatures(self)
        size = len(days[0])
        return {
            **{f"share on day {t}": mean([float(np.mean(seed < t)) for seed in days]) for t in self.at},
            "day of half the way": mean([np.sort(seed)[size // 2] for seed in days]),
        }


@cache
def signatures(bass: Bass) -> list[np.ndarray]:
    """When every account signed, by seed."""
    channel = Channel(rate_month=bass.innovation, word_of_mouth=bass.imitation)
    there = market(accounts=16_000, channels={"one": channel})
    door = business({"door": gate("surely", "end", emits_then="signed")}, {"surely": DecisionSpec(base=1.0)})
    spec = study(door, float(bass.days), market=there)
    return [Events(run(spec, seed)).first("signed") for seed in SEEDS]


THEORIES = (Bass(),)


def test_customers_spread_as_bass_says() -> None:
    assert_agrees(Bass())


def test_growth_peaks_when_bass_says() -> None:
    """Peak of the closed form at ln(q / p) / (p + q), within a fortnight; signatures are pooled over the seeds."""
    bass = Bass()
    months = log(bass.imitation / bass.innovation) / (bass.imitation + bass.innovation)
    peak = months * DAYS_PER_MONTH
    near = np.arange(peak - 105, peak + 106, 14)
    counts, _ = np.histogram(np.concatenate(signatures(bass)), near)
    curve = np.polyfit((near[1:] + near[:-1]) / 2, np.log(counts), 2)
    assert -curve[1] / (2 * curve[0]) == pytest.approx(peak, abs=7)


def test_daily_steps_follow_the_closed_form() -> None:
    """F(t) = (1 - e^-(p+q)t) / (1 + q/p e^-(p+q)t), the limit of steps without length."""
    bass = Bass()
    p, q = bass.innovation, bass.imitation
    path = list(bass.path())
    assert all(a < b for a, b in pairwise(path))
    for day in bass.at:
        decay = exp(-(p + q) * day / DAYS_PER_MONTH)
        assert path[day] == pytest.approx((1 - decay) / (1 + q / p * decay), rel=0.02)
