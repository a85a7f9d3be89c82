"""Speed of the engine on the reference workload, beside its controls in the same run.

Gated is the engine to the typed columns of its events, effects and decision log off. The line "visits" stops at the
log as recorded (one row per visit), the line "all tables" adds decisions with their probabilities, accounts,
opportunities and desk load; neither has a gate.

python -m benchmarks.engine                100,000 companies, 5 rounds; exit 1 if the gate is missed
python -m benchmarks.engine --quick        10,000 companies, 1 round, no gate: does it run and agree?
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from benchmarks.controls import bare_loop, bare_outcome, textbook, textbook_outcome
from benchmarks.scale import measure
from benchmarks.workload import PASS, Outcome, Workload, machine, outcome, visits_outcome
from sim.simulate import TABLES

GATE = 3.0
MODEL_GATE = 0.5
MODELS = ("service_saas", "tool")
OURS, VISITS, EVERYTHING, TEXTBOOK, BARE = (
    "our engine, events",
    "our engine, visits",
    "our engine, all tables",
    "textbook SimPy",
    "bare heapq loop",
)
ENGINES: dict[str, tuple[Callable[[Workload, int], Any], Callable[[Any], Outcome]]] = {
    OURS: (lambda workload, seed: workload.engine(seed, "events"), outcome),
    VISITS: (lambda workload, seed: workload.engine(seed, "visits"), visits_outcome),
    TEXTBOOK: (textbook, textbook_outcome),
    BARE: (bare_loop, bare_outcome),
    EVERYTHING: (lambda workload, seed: workload.engine(seed, *TABLES, log_decisions=True), outcome),
}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and its result."""
    gc.collect()
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def rounds(workload: Workload, count: int) -> tuple[dict[str, list[float]], dict[str, list[Outcome]]]:
    """Seconds and outcomes of every engine, the engines taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ENGINES}
    outcomes: dict[str, list[Outcome]] = {name: [] for name in ENGINES}
    for number in range(count):
        for name, (run, read) in ENGINES.items():
            spent, result = timed(partial(run, workload, number + 1))
            more, found = timed(partial(read, result))
            seconds[name].append(spent + more)
            outcomes[name].append(found)
            del result
    return seconds, outcomes


def disagreements(workload: Workload, outcomes: dict[str, list[Outcome]]) -> list[str]:
    """Engines whose number of signatures is more than four standard deviations off the expected one."""
    chance = math.prod(PASS)
    rounds = len(outcomes[OURS])
    expected, sd = workload.accounts * chance, math.sqrt(workload.accounts * chance * (1 - chance) / rounds)
    found = {name: sum(o.signed for o in some) / rounds for name, some in outcomes.items()}
    return [f"{n}: {s:.0f} signed, {expected:.0f} expected" for n, s in found.items() if abs(s - expected) > 4 * sd]


def print_table(workload: Workload, seconds: dict[str, list[float]], outcomes: dict[str, list[Outcome]]) -> None:
    """One line per engine; the ratio is that of the medians."""
    base = median(seconds[TEXTBOOK])
    print(f"{'':34} {'CPU s':>7} {'companies/s':>12} {'times textbook':>15} {'signed':>8} {'rows':>10}  waits, days")
    for name, spent in seconds.items():
        middle, first = median(spent), outcomes[name][0]
        waits = " ".join(f"{wait:.3f}" for wait in first.waits)
        numbers = f"{middle:>7.2f} {workload.accounts / middle:>12,.0f} {base / middle:>15.2f}"
        print(f"{name:34} {numbers} {first.signed:>8,} {first.rows:>10,}  {waits}")


def models(textbook_speed: float, accounts: int) -> bool:
    """Whole models with all mechanisms on, against textbook SimPy on the bare workload; are they fast enough?"""
    from scenarios import compose
    from scenarios.errors import InputError
    from sim.simulate import simulate

    fast = True
    for name in MODELS:
        try:
            timeline = compose(name, [f"market.accounts={accounts}"]).timeline
        except InputError as error:
            print(f"{name}: not available ({error.problems[0]})")
            continue
        spent, _ = timed(partial(simulate, timeline, 1, 0))
        ratio = accounts / spent / textbook_speed
        fast &= ratio >= MODEL_GATE
        print(f"whole model {name}: {accounts / spent:,.0f} accounts/s, {ratio:.2f} times textbook (gate {MODEL_GATE})")
    return fast


def judge(workload: Workload, seconds: dict[str, list[float]]) -> bool:
    """Print every figure beside its gate; are all gates met?"""
    ratio = median(seconds[TEXTBOOK]) / median(seconds[OURS])
    met = ratio >= GATE
    print(f"against textbook SimPy: {ratio:.2f} times as fast (gate {GATE}): {'pass' if met else 'FAIL'}")
    print(f"against the bare loop: {median(seconds[BARE]) / median(seconds[OURS]):.2f} times as fast (no gate)")
    fast = models(workload.accounts / median(seconds[TEXTBOOK]), min(workload.accounts, 10_000))
    print(f"peak memory of one run in a process of its own: {measure(workload.accounts)['peak_mb']:.0f} MB")
    return met and fast


def main(arguments: list[str] | None = None) -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description="Speed of the engine beside its controls.")
    parser.add_argument("--quick", action="store_true", help="10,000 companies, 1 round, no gate")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    workload = Workload(10_000 if chosen.quick else chosen.accounts)
    count = 1 if chosen.quick else chosen.rounds
    print(machine())
    print(f"{workload.accounts:,} companies, median of {count} alternating rounds, CPU time")
    assert workload.timeline, "composed before the clock runs"
    seconds, outcomes = rounds(workload, count)
    print_table(workload, seconds, outcomes)
    wrong = disagreements(workload, outcomes)
    print(
        *(f"DISAGREES {line}" for line in wrong) if wrong else ["all engines agree on the number of signatures"],
        sep="\n",
    )
    met = chosen.quick or judge(workload, seconds)
    return 0 if met and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
