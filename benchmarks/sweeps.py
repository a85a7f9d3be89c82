"""Sweeps and processes: what a second process brings, what a point costs beside its simulation, and memory.

Three figures, each beside its control in the same run.

- Eight replications of about five seconds over two processes against one, as ``tobsim run`` does them, in turns. By
  the clock on the wall, and by the *path*: processor seconds of the command and of its busiest worker, which is what
  the wall would show if nothing else ran on the machine.
- Processor seconds of a point in a sweep against those of ``simulate`` and of the metrics of the same points in a
  plain loop; the rest is the sweep's own: drawing, checking, files, tables.
- Peak memory of a sweep of 2,000 points, of the command and all its processes together, and what it takes to put the
  tables together once more from its files.

python -m benchmarks.sweeps                all three; exit 1 if a gate is missed
python -m benchmarks.sweeps speed          one of speed, overhead, memory
python -m benchmarks.sweeps --quick        small, no gate: does it run?
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.watch import Watched, watched
from benchmarks.workload import CONF, machine

if TYPE_CHECKING:
    from scenarios.sweeps.points import Design

SPEED_GATE, SPEED_AIM = 1.6, 1.9
OVERHEAD_GATE = 0.05
"""Processor seconds of a point beside its simulation and metrics."""
MEMORY_GATE_MB = 1000
ACCOUNTS, REPLICATIONS = 85_000, 8
"""Companies of ``tool`` that take about five processor seconds a replication on the machine of the README."""
SMALL = ["market.accounts=60", "horizon.days=180", "progress=false"]
"""Size of a small point."""
QUIET = ["report.enabled=false", "forecast.enabled=false", "progress=false"]


def speed(rounds: int, accounts: int, folder: Path) -> bool:
    """Two processes against one, in turns; is the gate met?"""
    found: dict[int, list[Watched]] = {1: [], 2: []}
    for number in range(rounds):
        for workers in found:
            out = folder / f"{number}-{workers}"
            size = [f"market.accounts={accounts}", f"replications={REPLICATIONS}"]
            words = ["business=tool", *size, *QUIET, f"execution.workers={workers}", f"out={out}"]
            found[workers].append(watched(["run", *words]))
            shutil.rmtree(out)
    print(f"{REPLICATIONS} replications of tool, {accounts:,} companies, {rounds} rounds in turns, medians")
    print(f"{'processes':>10} {'wall s':>8} {'CPU s':>8} {'path s':>8} {'wall by round'}")
    for workers, each in found.items():
        rows = [median(getattr(one, name) for one in each) for name in ("seconds", "path")]
        cpu = median(sum(one.cpu.values()) for one in each)
        walls = " ".join(f"{one.seconds:.1f}" for one in each)
        print(f"{workers:>10} {rows[0]:>8.1f} {cpu:>8.1f} {rows[1]:>8.1f} {walls}")
    ratios = {name: median(getattr(one, name) / getattr(two, name) for one, two in zip(*found.values(), strict=True))
              for name in ("seconds", "path")}  # fmt: skip
    met = ratios["seconds"] >= SPEED_GATE
    print(f"two against one: {ratios['seconds']:.2f} by the wall, {ratios['path']:.2f} by the path"
          f" (gate {SPEED_GATE}, aim {SPEED_AIM}): {'pass' if met else 'FAIL'}")  # fmt: skip
    return met


def design_of(points: int) -> Design:
    """Small points of ``conf/experiment/points.yaml``."""
    from scenarios.sweeps.experiment import read_experiment
    from scenarios.sweeps.points import design

    return design(read_experiment("points", None, [*SMALL, f"experiment.points={points}"], CONF))


def overhead(points: int, folder: Path) -> bool:
    """Processor seconds of a sweep in this process beside those of its simulations; is the gate met?"""
    from scenarios.sweeps.sweep import run_design

    run_design(design_of(2), folder / "first")  # imports, tables of random numbers
    whole = cpu_of(lambda: run_design(design_of(points), folder / "sweep")) / points
    simulated, measured = plain_loop(design_of(points))
    own = whole - simulated - measured
    met = own <= OVERHEAD_GATE
    parts = f"simulate {1000 * simulated:.1f}, its metrics {1000 * measured:.1f}, the sweep's own {1000 * own:.1f}"
    print(f"a point of {points}: {1000 * whole:.1f} ms CPU, of which {parts} (gate {1000 * OVERHEAD_GATE:.0f}): "
          f"{'pass' if met else 'FAIL'}")  # fmt: skip
    return met


def plain_loop(design: Design) -> tuple[float, float]:
    """Processor seconds by point of simulating and of computing metrics, without a sweep."""
    from scenarios.sweeps.run_point import metrics_table
    from scenarios.sweeps.values import point_study
    from sim.simulate import simulate

    simulated = measured = 0.0
    for point in design.points:
        study = point_study(design.bases[point.scenario].source, point.values)
        assert study.timeline
        begun = time.process_time()
        run = simulate(study.timeline, study.seed, 0)
        between = time.process_time()
        metrics_table(study, 0, partial(_given, run))
        simulated, measured = simulated + between - begun, measured + time.process_time() - between
    return simulated / len(design.points), measured / len(design.points)


def _given(run: Any, *_: Any) -> Any:
    """A simulation that is there already."""
    return run


def cpu_of(work: Callable[[], Any]) -> float:
    """Processor seconds of a call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def memory(points: int, folder: Path) -> bool:
    """Peak memory of the command that sweeps many points over two processes; is the gate met?"""
    out = folder / "many"
    words = ["experiment=points", *SMALL, f"experiment.points={points}", "execution.workers=2", f"out={out}"]
    found = watched(["sweep", *words, "--config-dir", str(CONF)])
    first, *others = found.peak_mb.values()
    met = found.total_mb <= MEMORY_GATE_MB
    rest = ", ".join(f"{peak:.0f}" for peak in others)
    print(f"{points:,} points over two processes: {found.total_mb:.0f} MB at most (the command {first:.0f}, others "
          f"{rest}; gate {MEMORY_GATE_MB}): {'pass' if met else 'FAIL'}")  # fmt: skip
    print(f"in {found.seconds:.0f} s, {sum(found.cpu.values()):.0f} CPU s; {again(points, out)}")
    return met


def again(points: int, out: Path) -> str:
    """What it takes to make the tables of a finished sweep again, in this process."""
    from scenarios.sweeps.sweep import run_design

    planned: list[Design] = []
    planning = cpu_of(lambda: planned.append(design_of(points)))
    (out / "table.parquet").unlink()
    spent = cpu_of(lambda: run_design(planned[0], out))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = planned[0].points
    return f"planning {planning:.1f} CPU s, tables again {spent:.1f} CPU s ({len(rows):,} points, {peak:.0f} MB)"


FIGURES = ("speed", "overhead", "memory")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description="Processes, overhead and memory of sweeps.")
    parser.add_argument("figures", nargs="*", metavar="|".join(FIGURES), help="by default all")
    parser.add_argument("--quick", action="store_true", help="small, no gate")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--points", type=int, default=2000)
    chosen = parser.parse_args(arguments)
    if strange := set(chosen.figures) - {*FIGURES}:
        parser.error(f"unknown figure {sorted(strange)[0]}; {', '.join(FIGURES)}")
    print(machine())
    quick = chosen.quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work: dict[str, Callable[[], bool]] = {
            "speed": lambda: speed(1 if quick else chosen.rounds, 500 if quick else chosen.accounts, folder),
            "overhead": lambda: overhead(5 if quick else 200, folder),
            "memory": lambda: memory(20 if quick else chosen.points, folder),
        }
        met = [work[figure]() for figure in chosen.figures or FIGURES]
    return 0 if quick or all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
