"""Three programs that share no line agree on the reference workload: our engine, textbook SimPy, a bare loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod

import numpy as np
import pytest

from benchmarks import engine
from benchmarks.controls import bare_loop, bare_outcome, textbook, textbook_outcome
from benchmarks.workload import PASS, RENEW, YEARS, Outcome, Workload, visits_outcome

WORKLOAD = Workload(5_000)
ENGINES: dict[str, Callable[[int], Outcome]] = {
    "ours": lambda seed: visits_outcome(WORKLOAD.engine(seed, "visits")),
    "textbook": lambda seed: textbook_outcome(textbook(WORKLOAD, seed)),
    "bare loop": lambda seed: bare_outcome(bare_loop(WORKLOAD, seed)),
}


@cache
def outcomes(name: str) -> list[Outcome]:
    """Outcomes of eight runs of an engine."""
    return [ENGINES[name](seed) for seed in range(8)]


@pytest.mark.parametrize("name", ENGINES)
def test_signatures_and_renewals(name: str) -> None:
    """A binomial share of the companies signs; a contract is renewed sum of RENEW^k times, k = 1 to 5."""
    found = outcomes(name)
    n, chance = WORKLOAD.accounts * len(found), prod(PASS)
    signed, renewed = sum(o.signed for o in found), sum(o.renewed for o in found)
    assert abs(signed - n * chance) <= 4 * (n * chance * (1 - chance)) ** 0.5
    assert renewed / signed == pytest.approx(sum(RENEW**k for k in range(1, YEARS + 1)), rel=0.03)


@pytest.mark.parametrize("name", ["ours", "textbook"])
def test_waits_are_those_of_the_bare_loop(name: str) -> None:
    """The same contact times, independent work: mean waits at every desk within the noise between runs."""
    ours, bare = (np.array([o.waits for o in outcomes(which)]) for which in (name, "bare loop"))
    error = np.sqrt((ours.var(0, ddof=1) + bare.var(0, ddof=1)) / len(ours))
    assert (np.abs(ours.mean(0) - bare.mean(0)) <= 4 * error).all()
    assert (error < 0.5 * bare.mean(0)).all()


def test_the_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert engine.main(["--quick"]) == 0
    assert "times textbook" in capsys.readouterr().out
