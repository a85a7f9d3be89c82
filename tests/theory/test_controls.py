"""Three programs that share no line agree on the reference workload: our engine, textbook SimPy, a bare loop."""

from __future__ import annotations

from math import prod

import pytest

from benchmarks import engine
from benchmarks.controls import bare_loop, bare_outcome, textbook, textbook_outcome
from benchmarks.workload import LOAD, PASS, RENEW, SERVERS, YEARS, Outcome, Workload, outcome
from tests.theory.test_queues import erlang_c

WORKLOAD = Workload(8_000)


@pytest.fixture(scope="module", params=["ours", "textbook", "bare loop"])
def found(request: pytest.FixtureRequest) -> list[Outcome]:
    """Outcomes of four runs."""
    runs = {
        "ours": lambda seed: outcome(WORKLOAD.engine(seed, "visits")),
        "textbook": lambda seed: textbook_outcome(textbook(WORKLOAD, seed)),
        "bare loop": lambda seed: bare_outcome(bare_loop(WORKLOAD, seed)),
    }
    return [runs[request.param](seed) for seed in range(4)]


def test_signatures_and_renewals(found: list[Outcome]) -> None:
    """A binomial share of the companies signs; a contract is renewed sum of RENEW^k times, k = 1 to 5."""
    n, chance = WORKLOAD.accounts * len(found), prod(PASS)
    signed, renewed = sum(o.signed for o in found), sum(o.renewed for o in found)
    assert abs(signed - n * chance) <= 4 * (n * chance * (1 - chance)) ** 0.5
    assert renewed / signed == pytest.approx(sum(RENEW**k for k in range(1, YEARS + 1)), rel=0.05)


def test_waits(found: list[Outcome]) -> None:
    """M/M/20 at load .8 at every desk (Erlang, Burke), within the noise of four short runs."""
    for desk, work in enumerate(WORKLOAD.work_days):
        expected = erlang_c(SERVERS, LOAD * SERVERS) * work / (SERVERS * (1 - LOAD))
        assert sum(o.waits[desk] for o in found) / len(found) == pytest.approx(expected, rel=0.35)


def test_the_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert engine.main(["--quick"]) == 0
    assert "times textbook" in capsys.readouterr().out
