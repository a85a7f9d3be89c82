"""The theory tests have teeth: a bias of 5 % in any parameter of any theory is found out."""

from __future__ import annotations

import pytest

from tests.theory import test_diffusion, test_funnel, test_pool, test_queues, test_renewal
from tests.theory.check import LARGEST_Z, Theory, check

MODULES = (test_funnel, test_queues, test_pool, test_renewal, test_diffusion)
PLANTS = [(theory, name) for module in MODULES for theory in module.THEORIES for name in theory.biased]


@pytest.fixture(params=PLANTS, ids=[f"{type(theory).__name__}-{name}" for theory, name in PLANTS])
def bias(request: pytest.FixtureRequest) -> tuple[Theory, Theory]:
    """A theory with one parameter 5 % larger, to be simulated, and the theory itself."""
    theory, parameter = request.param
    return theory.with_bias(parameter), theory


def test_planted_bias_is_found(bias: tuple[Theory, Theory]) -> None:
    scores = check(*bias)
    assert max(map(abs, scores.values())) > LARGEST_Z, scores
