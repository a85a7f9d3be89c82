"""Seeds and replications share nothing: A/A comparisons."""

from __future__ import annotations

import numpy as np
import pytest

from sim.spec import DecisionSpec
from tests.theory.check import correlation, variance
from tests.theory.studies import Events, business, contacts, gate, run, study

ACCOUNTS, CHANCE = 400, 0.5
SPEC = study(business({"deal": gate("sign", "end", emits_then="signed")}, {"sign": DecisionSpec(base=CHANCE)}), 3.0)


def totals(seed: int, replications: int) -> np.ndarray:
    """Signatures of every replication under one seed."""
    there = contacts(np.ones(ACCOUNTS))
    return np.array([len(Events(run(SPEC, seed, there, r)).rows("signed")) for r in range(replications)], float)


def compare(replications: int) -> None:
    """Totals under neighbouring seeds, and of neighbouring replications, are independent binomials."""
    one, other = totals(7, replications), totals(8, replications)
    for pair in ((one, other), (one[1:], one[:-1]), (one[1:], other[:-1])):
        assert abs(correlation(*pair).value / correlation(*pair).error) <= 4
    both = np.concatenate([one, other])
    binomial = ACCOUNTS * CHANCE * (1 - CHANCE)
    spread = variance(both)
    assert abs(spread.value - binomial) <= 4 * spread.error
    assert abs(both.mean() - ACCOUNTS * CHANCE) <= 4 * np.sqrt(binomial / both.size)
    difference = (one - other) / np.sqrt(2 * binomial)
    assert abs(np.mean(np.abs(difference) > 1.96) - 0.05) <= 4 * np.sqrt(0.05 * 0.95 / replications) + 0.01


def test_seeds_and_replications_are_independent() -> None:
    compare(400)


@pytest.mark.slow
def test_seeds_and_replications_are_independent_over_2000_pairs() -> None:
    compare(2_000)


def test_same_seed_gives_the_same() -> None:
    assert (totals(7, 3) == totals(7, 3)).all()
