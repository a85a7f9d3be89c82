"""The gate of forecasts on simulated truth: coverage and skill for the main series of every business.

Every replication of a business is one world, forecast from its months up to the cutoff and scored on the months after
(``analysis.evaluate.truth``). A series passes where the interval of its 95 % coverage, clustered by replication, meets
[.93, .97], and its weighted interval score is below the seasonal naive forecast's with its whole interval, so that
width cannot buy coverage. Under 400 replications nothing is judged.

python -m benchmarks.truth --replications 400     every business; exit 1 if a series misses the gate
python -m benchmarks.truth --quick                4 replications of one business, not judged: does it run?
python -m benchmarks.truth --business tool cloud --days 2191 --cutoff 60     six years, fitted on the first five
python -m benchmarks.truth --wide 10              markets ten times as large and as hard to reach: not used up

Runs and forecasts are kept in the folder ``--cache``, and what is there is not made again: an interrupted benchmark
goes on where it stopped. Forecasts are kept by model, not by the code of the model: empty ``CACHE/forecasts`` after a
change of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.workload import machine

if TYPE_CHECKING:
    import pandas as pd

BUSINESSES = ("cloud", "hardware", "platform", "service_outcome", "service_saas", "service_staffed", "tool")

CHUNK = 10
"""Replications whose forecasts lie in one file."""

LEVELS = (80, 95)
COLUMNS = (
    "covered80", "covered95", "low", "high", "above95", "below95", "ratio", "ratio_low", "ratio_high", "replications",
    "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is judged: a business under further overrides, how often, with which model, from which month on."""

    business: str
    replications: int
    accounts: int | None
    wide: int
    model: str
    horizon: int
    cutoff: int | None
    days: int
    overrides: tuple[str, ...]
    structure: bool
    cache: Path

    @property
    def keys(self) -> list[str]:
        """Overrides of the study."""
        from scenarios import compose

        keys = [f"horizon.days={self.days}", *([f"market.accounts={self.accounts}"] if self.accounts else [])]
        market = compose(self.business, keys).config["market"]
        return [*keys, *(widened(market, self.wide) if self.wide > 1 else []), *self.overrides]

    def simulated(self, workers: int) -> Path:
        """Run folder with all replications."""
        from scenarios import compose
        from scenarios.comparisons.pairs import run_quietly

        keys = [*self.keys, f"replications={self.replications}", "progress=false", f"execution.workers={workers}"]
        study = compose(self.business, keys)
        folder = self.cache / "runs" / f"{self.business}-{study.digest[:12]}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        if failures := run_quietly(study, folder, self.replications, tables=()):
            raise RuntimeError(f"{folder}: replication {failures[0]['replication']} failed: {failures[0]['message']}")
        return folder


def widened(market: Mapping[str, Any], times: int) -> list[str]:
    """Overrides that make a market so many times as large and every company as many times harder to reach.

    As many companies are reached a month as before, for the same money, but a market is hardly ever used up: its first
    contacts go on where those of the shipped one run out.
    """
    keys = [f"market.accounts={market['accounts'] * times}"]
    for name, channel in market["channels"].items():
        for key in ("rate_month", "reference_spend"):
            value = channel.get(key)
            if isinstance(value, Mapping):
                keys += [f"market.channels.{name}.{key}.{part}={own / times}" for part, own in value.items()]
            elif value:
                keys.append(f"market.channels.{name}.{key}={value / times}")
    return keys


@dataclass(frozen=True)
class Chunk:
    """Some replications of a run, and the file of their forecasts."""

    plan: Plan
    run: Path
    first: int
    last: int

    @property
    def file(self) -> Path:
        """Where their forecasts are kept."""
        plan = self.plan
        structure = "flows" if plan.structure else "plain"
        name = f"{self.run.name}-{plan.model}-{structure}-h{plan.horizon}-c{plan.cutoff or 'end'}"
        return plan.cache / "forecasts" / name / f"{self.first:05d}-{self.last:05d}.parquet"


def chunks(plan: Plan, run: Path) -> Iterator[Chunk]:
    """The replications of a plan in pieces of `CHUNK`."""
    for first in range(0, plan.replications, CHUNK):
        yield Chunk(plan, run, first, min(first + CHUNK, plan.replications))


def forecast_chunk(chunk: Chunk) -> float:
    """Forecast the replications of a chunk unless that is done; CPU seconds spent."""
    import pandas as pd

    from analysis.evaluate.truth import Trial, truth_table
    from analysis.forecast.run import Setup
    from scenarios.forecasts.truth import histories

    if chunk.file.is_file():
        return 0.0
    began = time.process_time()
    plan = chunk.plan
    series = histories(metrics_of(chunk))
    cutoff = sorted(series["ds"].unique())[plan.cutoff - 1] if plan.cutoff else None
    setup = Setup(plan.horizon, LEVELS, plan.model, structure=plan.structure)
    table, failures = truth_table(series, Trial(setup, cutoff=cutoff))
    chunk.file.parent.mkdir(parents=True, exist_ok=True)
    staged = chunk.file.with_suffix(".tmp")
    pd.concat([table, failures.assign(model="failed")], ignore_index=True).to_parquet(staged)
    staged.replace(chunk.file)
    return time.process_time() - began


def metrics_of(chunk: Chunk) -> pd.DataFrame:
    """Metrics of the replications of a chunk."""
    import pandas as pd

    between = [("replication", ">=", chunk.first), ("replication", "<", chunk.last), ("period", "==", "month")]
    return pd.read_parquet(chunk.run / "metrics.parquet", filters=between)


def judged(plan: Plan, run: Path) -> pd.DataFrame:
    """A row for every main series: coverage, ratio to seasonal naive, verdict."""
    import pandas as pd

    from analysis.evaluate import skill
    from analysis.series import MAIN

    files = [chunk.file for chunk in chunks(plan, run)]
    table = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    table = table[table["unique_id"].isin(list(MAIN)) & (table["model"] != "failed")]
    covered = skill.coverage(table).query("model == @plan.model").set_index(["metric", "level"])
    gained = skill.skill(table).query("step == 'all'").set_index("metric")
    rows = []
    for metric in covered.index.unique("metric"):
        at, own = covered.loc[(metric, 95)], gained.loc[metric]
        row = {"covered80": covered.loc[(metric, 80), "covered"], "covered95": at["covered"]}
        row |= {"low": at["low"], "high": at["high"], "ratio": 1 - own["skill"]}
        row |= outside(table[(table["unique_id"] == metric) & (table["model"] == plan.model)])
        row |= {"ratio_low": 1 - own["high"], "ratio_high": 1 - own["low"], "replications": at["replications"]}
        rows.append({"business": plan.business, "metric": metric, **row, "verdict": said(at["verdict"], own["low"])})
    return pd.DataFrame(rows, columns=["business", "metric", *COLUMNS])


def outside(rows: pd.DataFrame) -> dict[str, float]:
    """Shares of what came above and below the 95 % interval: a miss on one side is a bend that was not foreseen."""
    known = rows.dropna(subset=["y", "lo-95", "hi-95"])
    return {"above95": (known["y"] > known["hi-95"]).mean(), "below95": (known["y"] < known["lo-95"]).mean()}


def said(coverage: str, least_skill: float) -> str:
    """The verdict on a series: pass, what it misses, or too few replications."""
    from analysis.evaluate.skill import FEW, INSIDE

    if coverage == FEW:
        return FEW
    missed = [*([] if coverage == INSIDE else ["coverage"]), *([] if least_skill > 0 else ["skill"])]
    return f"misses {' and '.join(missed)}" if missed else "pass"


def print_table(table: pd.DataFrame) -> None:
    """A line for every series."""
    head = f"{'business':16} {'metric':17} {'80':>5} {'95':>5}  {'interval':15} {'above':>5} {'below':>5} "
    print(f"{head}{'WIS / naive':20} {'n':>4}  verdict")
    for row in table.itertuples():
        covered = f"{row.covered80:5.3f} {row.covered95:5.3f}  [{row.low:5.3f}, {row.high:5.3f}]"
        missed = f"{row.above95:5.3f} {row.below95:5.3f}"
        ratio = f"{row.ratio:5.3f} [{row.ratio_low:5.3f}, {row.ratio_high:5.3f}] {row.replications:>4}"
        print(f"{row.business:16} {row.metric:17} {covered} {missed} {ratio}  {row.verdict}", flush=True)


def judge_business(plan: Plan, workers: int) -> pd.DataFrame:
    """Simulate, forecast, judge."""
    from scenarios.runs.execute import spread

    began = time.perf_counter()
    run = plan.simulated(workers)
    simulated = time.perf_counter() - began
    spent = sum(spread(forecast_chunk, list(chunks(plan, run)), workers))
    each = spent / plan.replications
    print(f"{plan.business}: simulated in {simulated:.0f} s, forecasts {each:.2f} CPU s a replication", flush=True)
    return judged(plan, run)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description="Coverage and skill of forecasts on simulated truth.")
    parser.add_argument("--business", nargs="+", default=list(BUSINESSES))
    parser.add_argument("--replications", type=int, default=400)
    parser.add_argument("--accounts", type=int, help="companies; default: as shipped, which budgets and teams fit")
    parser.add_argument(
        "--wide", type=int, default=1, help="times as many companies, each as many times harder to reach"
    )
    parser.add_argument("--model", default="combination")
    parser.add_argument("--horizon", type=int, default=12, help="months that are scored")
    parser.add_argument("--cutoff", type=int, help="months that are known; default: all but the horizon")
    parser.add_argument("--days", type=int, default=1095, help="length of a run")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="further overrides of the studies")
    parser.add_argument("--plain", action="store_true", help="stocks forecast directly, not through their flows")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("runs/benchmark-truth"))
    parser.add_argument("--csv", type=Path, help="default: table.csv in the cache")
    parser.add_argument("--quick", action="store_true", help="4 replications of one business, not judged")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run, print, judge."""
    import pandas as pd

    chosen = parsed(arguments)
    plan = Plan(
        "", chosen.replications, chosen.accounts, chosen.wide, chosen.model, chosen.horizon, chosen.cutoff, chosen.days,
        tuple(chosen.set), not chosen.plain, chosen.cache,
    )  # fmt: skip
    if chosen.quick:
        plan = replace(plan, replications=4, accounts=min(plan.accounts or 200, 200))
    names = chosen.business[:1] if chosen.quick else chosen.business
    print(machine())
    print(f"{plan.replications} replications, {plan.accounts or 'as shipped'} companies, {plan.model}", flush=True)
    table = pd.concat(list(map(partial(_one, plan, chosen.workers), names)), ignore_index=True)
    file = chosen.csv or plan.cache / "table.csv"
    table.to_csv(file, index=False)
    print(f"{(table['verdict'] == 'pass').sum()} of {len(table)} series pass; {file}")
    return 1 if table["verdict"].str.startswith("misses").any() else 0


def _one(plan: Plan, workers: int, business: str) -> pd.DataFrame:
    table = judge_business(replace(plan, business=business), workers)
    print_table(table)
    return table


if __name__ == "__main__":
    sys.exit(main())
