"""How much common random numbers shorten a what-if: keyed against independent replications.

The variance ratio is the variance of the difference between plan and base when each side has a seed of its own,
over the variance when both share it (keyed: every company keeps its fate): so many times fewer replications give
the same interval. Intervals are the bootstrap's, over replications, 95 %.

Gated are three cases on the reference workload, whose second desk is the bottleneck (``conf/scenario/presales_*``):
three people at load .85, .90, .95, a fourth is hired. The gate is on both figures that stand for revenue: companies
signed by day 1000, while companies still arrive, and the days that they have been customers by then. Without gate
are the mean wait at the desk (with four people there is hardly any wait left, hence no variance that the sides could
share) and whole businesses with all mechanisms on.

python -m benchmarks.variance              60 replications, 20 of whole businesses; exit 1 if a gate is missed
python -m benchmarks.variance --quick      4 replications of the reference workload, no gate: does it run?
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.workload import CONF, CONTACT_DAYS, machine
from sim.simulate import Run, simulate
from sim.spec import Contacts, Timeline
from sim.units import snap

if TYPE_CHECKING:
    from scenarios.studies.study import Study

GATE, AIM = 10.0, 25.0
LOADS = (85, 90, 95)
HIRED = "policy.desks.second.heads=4"
SIGNED, HELD, WAIT = "signed", "customer days", "wait, days"
MODELS = (
    ("service_saas", "presales_hired"),
    ("service_saas", "suite_price_up"),
    ("tool", "more_sales"),
    ("tool", "seat_price_up"),
)
METRICS = ("signed", "revenue", "operating_profit")
SHARED, OTHER = 1, 2
"""Seed of base and plan when they are keyed alike, and of the plan on its own."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Side:
    """One of the three sets of replications of a what-if."""

    business: str
    overrides: tuple[str, ...]
    seed: int

    @property
    def is_reference(self) -> bool:
        """Whether this is the reference workload."""
        return self.business == "reference"


@dataclass(frozen=True)
class WhatIf:
    """A base and its plan; ``gated`` are the metrics that the gate is on."""

    name: str
    base: Side
    plan: Side
    gated: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """Base, the plan that shares its seed, the plan with a seed of its own."""
        return self.base, self.plan, replace(self.plan, seed=OTHER)


@dataclass(frozen=True)
class Measured:
    """What one metric of a what-if gave: correlation of the keyed pair, variance ratio with interval."""

    base: float
    difference: float
    correlation: float
    ratio: float
    low: float
    high: float


def bottlenecks() -> list[WhatIf]:
    """The three gated cases."""
    found = []
    for load in LOADS:
        base = Side("reference", (f"scenario=presales_{load}", "replications=1"), SHARED)
        plan = replace(base, overrides=(*base.overrides, HIRED))
        found.append(WhatIf(f"reference, presales 3 to 4 at load .{load}", base, plan, (SIGNED, HELD)))
    return found


def whole_models() -> list[WhatIf]:
    """What-ifs of shipped businesses with all mechanisms on."""
    return [
        WhatIf(f"{business}, {scenario}", Side(business, (), SHARED), Side(business, (f"scenario={scenario}",), SHARED))
        for business, scenario in MODELS
    ]


def study(side: Side) -> Study:
    """The composed study of a side."""
    from scenarios import compose

    return compose(side.business, side.overrides, config_dir=CONF if side.is_reference else None)


def contacted(timeline: Timeline, seed: int, replication: int) -> Timeline:
    """The reference workload with contacts uniform over 1000 days; a company's belongs to seed and replication."""
    accounts = timeline.spec.market.accounts
    times: Any = snap(np.sort(np.random.default_rng([seed, replication]).random(accounts)) * CONTACT_DAYS)
    names = tuple(map(str, range(accounts)))
    return replace(timeline, contacts=Contacts(names, times, np.zeros(accounts, int), exact=True))


def figures(side: Side, composed: Study, replication: int) -> Figures:
    """Metrics of one replication of a side."""
    if side.is_reference:
        timeline = contacted(composed.timeline, side.seed, replication)
        return read_visits(simulate(timeline, side.seed, replication, log_decisions=False, wanted=("visits",)))
    return read_metrics(composed.config, simulate(composed.timeline, side.seed, replication))


def read_visits(run: Run) -> Figures:
    """Signatures, days since them, and mean wait at the second desk, of the reference workload."""
    visits: Any = run.tables["visits"]
    stage, then = visits["stage"], visits["outcome"].codes == visits["outcome"].names.index("then")
    at = {name: stage.codes == code for code, name in enumerate(stage.names)}
    wait = (visits["started"] - visits["queued"])[at["meeting"]]
    signed_at = visits["finished"][at["offer"] & then]
    held = float((CONTACT_DAYS - signed_at).sum())
    return {SIGNED: float(len(signed_at)), HELD: held, WAIT: float(np.nanmean(wait))}


def read_metrics(config: dict[str, Any], run: Run) -> Figures:
    """Metrics over the horizon, of a shipped business."""
    from analysis.metrics import compute
    from analysis.metrics.periods import HORIZON
    from analysis.tables import Tables
    from scenarios.runs.replicate import arrow_tables, metrics_context

    table = compute(Tables(arrow_tables(run.tables)), metrics_context(config), METRICS)
    rows = table[(table["period"] == HORIZON) & table["dim1"].isna()]
    return {name: float(rows.loc[rows["metric"] == name, "value"].iloc[0]) for name in METRICS}


def replicate(sides: list[Side], replications: int, workers: int) -> dict[Side, list[Figures]]:
    """Figures of every side by replication, over processes."""
    from joblib import Parallel, delayed

    found: dict[Side, list[Figures]] = {}
    with Parallel(n_jobs=workers) as pool:
        for side in dict.fromkeys(sides):
            composed = study(side)
            found[side] = pool(delayed(figures)(side, composed, number) for number in range(replications))
    return found


def ratio(values: np.ndarray) -> float:
    """Variance of the independent difference over that of the keyed one; rows are base, keyed and own plan."""
    base, keyed, own = values
    shared = float(np.var(keyed - base, ddof=1))
    return float(np.var(own - base, ddof=1)) / shared if shared else float("inf")


def measure(values: np.ndarray, resamples: int = 2000) -> Measured:
    """One metric of a what-if, from an array of (base, keyed plan, own plan) by replications."""
    generator, n = np.random.default_rng(0), values.shape[1]
    drawn = [ratio(values[:, generator.integers(n, size=n)]) for _ in range(resamples)]
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    base, keyed, _ = values
    return Measured(
        base=float(base.mean()),
        difference=float((keyed - base).mean()),
        correlation=float(np.corrcoef(base, keyed)[0, 1]),
        ratio=ratio(values),
        low=float(low),
        high=float(high),
    )


def judge(case: WhatIf, found: Mapping[Side, list[Figures]]) -> bool:
    """Print a what-if, one line per metric; is its gate met?"""
    met = True
    print(case.name)
    for metric in found[case.base][0]:
        m = measure(np.array([[one[metric] for one in found[side]] for side in case.sides]))
        gated = metric in case.gated
        met &= not gated or m.ratio >= GATE
        said = f"  gate {GATE:g}, aim {AIM:g}: {'pass' if m.ratio >= GATE else 'FAIL'}" if gated else ""
        numbers = f"{m.base:>14,.2f} {m.difference:>+13,.2f} {m.correlation:>8.4f} {m.ratio:>9.1f}"
        print(f"  {metric:18} {numbers}  [{m.low:.1f}, {m.high:.1f}]{said}")
    return met


def report(cases: list[WhatIf], replications: int, workers: int) -> bool:
    """Replicate and print what-ifs; are all gates met?"""
    found = replicate([side for case in cases for side in case.sides], replications, workers)
    print(f"{f'{replications} replications':20} {'base':>14} {'difference':>13} {'correl.':>8} {'ratio':>9}")
    judged = [judge(case, found) for case in cases]
    return all(judged)


def main(arguments: list[str] | None = None) -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description="Variance of a what-if, keyed against independent.")
    parser.add_argument("--quick", action="store_true", help="4 replications of the reference workload, no gate")
    parser.add_argument("--replications", type=int, default=60, help="of the reference workload")
    parser.add_argument("--models", type=int, default=20, metavar="N", help="replications of whole businesses, 0: none")
    parser.add_argument("--workers", type=int, default=-1, help="processes; -1: one for each core")
    chosen = parser.parse_args(arguments)
    count = 4 if chosen.quick else chosen.replications
    print(machine())
    print("base, plan on the same seed, plan on a seed of its own; correlation and ratio by replication, ratio at 95 %")
    met = report(bottlenecks(), count, chosen.workers)
    if chosen.models > 1 and not chosen.quick:
        report(whole_models(), chosen.models, chosen.workers)
    return 0 if met or chosen.quick else 1


if __name__ == "__main__":
    sys.exit(main())
