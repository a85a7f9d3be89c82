"""What a newcomer gets done: the integral of a speed that rises in a straight line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor, sqrt

import numpy as np
import pytest

from sim.spec.policy import Hire
from tests.theory.check import SEEDS, Estimate, Theory, assert_agrees, mean
from tests.theory.studies import Events, business, contacts, desk, exponential, fixed, policy, run, study


@dataclass(frozen=True)
class Learning(Theory):
    """Two newcomers who never run out of work, each unit of it exponential.

    Work done by ``t`` is the integral of the speed, s t + (1 - s) t^2 / (2 r) during the ramp of ``r`` days, and units
    are finished in a Poisson process of that many over the mean.
    """

    ramp: float = 20.0
    start: float = 0.4
    hours: float = 0.1
    people: int = 2
    days: int = 30
    biased = ("hours",)

    def work(self, t: float) -> float:
        """Hours of settled work of one person up to day ``t``."""
        learning = min(t, self.ramp)
        return 24 * (self.start * learning + (1 - self.start) * learning**2 / (2 * self.ramp) + t - learning)

    def expected(self) -> dict[str, float]:
        during = self.people * self.work(self.ramp) / self.hours
        return {"during the ramp": during, "after it": self.people * self.work(self.days) / self.hours - during}

    def observed(self) -> dict[str, Estimate]:
        plan = Hire(desk="one", heads=self.people, requested="2025-01-01", ramp_days=self.ramp, start_speed=self.start)
        spec = study(
            business({"work": desk("one", exponential(self.hours), "end")}),
            float(self.days),
            policy=replace(policy({"one": 0}), hiring={"plan": plan}),
        )
        crowd = contacts(np.full(int(1.2 * self.people * self.work(self.days) / self.hours), 0.0))
        found: dict[str, list[float]] = {"during the ramp": [], "after it": []}
        for seed in SEEDS:
            ends = Events(run(spec, seed, crowd)).first("finished")
            found["during the ramp"].append(float((ends <= self.ramp).sum()))
            found["after it"].append(float(((ends > self.ramp) & (ends <= self.days)).sum()))
        counts = {name: mean(values) for name, values in found.items()}
        return {name: Estimate(count.value, sqrt(self.expected()[name] / len(SEEDS))) for name, count in counts.items()}


def test_newcomers_get_done_what_their_speed_adds_up_to() -> None:
    assert_agrees(Learning())


@pytest.mark.parametrize("start", [0.1, 0.5, 1.0])
def test_each_unit_of_fixed_work_ends_where_the_integral_says(start: float) -> None:
    theory = Learning(start=start, hours=1.0, people=1)
    plan = Hire(desk="one", heads=1, requested="2025-01-01", ramp_days=theory.ramp, start_speed=start)
    spec = study(
        business({"work": desk("one", fixed(1.0), "end")}),
        float(theory.days),
        policy=replace(policy({"one": 0}), hiring={"plan": plan}),
    )
    ends = np.sort(Events(run(spec, 1, contacts(np.zeros(900)))).first("finished"))
    for day in range(1, theory.days):
        assert (ends <= day + 1e-6).sum() in {floor(theory.work(day) + 1e-3), floor(theory.work(day) - 1e-3)}, day
