"""Time and memory of the reference workload by number of companies, each size in a process of its own.

python -m benchmarks.scale                 10,000 and 100,000 companies
python -m benchmarks.scale --million       1,000,000 as well
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXPONENT_GATE = 1.15
MEMORY_GATE_MB = 2048


def measure(accounts: int) -> dict[str, float]:
    """CPU seconds of ``simulate`` and peak memory in MB, before and after, of a fresh process."""
    command = [sys.executable, "-m", "benchmarks.scale", "--one", str(accounts)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def one(accounts: int) -> dict[str, float]:
    """The same in this process."""
    from benchmarks.workload import Workload
    from sim.simulate import TABLES

    workload = Workload(accounts)
    assert workload.timeline
    before, begun = _peak_mb(), time.process_time()
    steps = workload.engine(1, *TABLES).steps
    seconds = time.process_time() - begun
    return {"accounts": accounts, "seconds": seconds, "steps": steps, "before_mb": before, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def exponent(small: dict[str, float], large: dict[str, float]) -> float:
    """Exponent of growth of time between two sizes."""
    return math.log(large["seconds"] / small["seconds"]) / math.log(large["accounts"] / small["accounts"])


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 if a gate is missed."""
    parser = argparse.ArgumentParser(description="Time and memory by number of companies.")
    parser.add_argument("--million", action="store_true", help="1,000,000 companies as well")
    parser.add_argument("--one", type=int, metavar="N", help="measure this process and print JSON")
    chosen = parser.parse_args(arguments)
    if chosen.one:
        print(json.dumps(one(chosen.one)))
        return 0
    return table([10_000, 100_000, *([1_000_000] if chosen.million else [])])


def table(sizes: list[int]) -> int:
    """Measure the sizes, print them with the exponents of growth, and say whether the gates are met."""
    from benchmarks.workload import machine

    print(machine())
    print(f"{'companies':>10} {'CPU s':>8} {'companies/s':>12} {'peak MB':>8} {'of it before':>13}")
    rows = []
    for size in sizes:
        row = measure(size)
        rows.append(row)
        speed = size / row["seconds"]
        print(f"{size:>10,} {row['seconds']:>8.2f} {speed:>12,.0f} {row['peak_mb']:>8.0f} {row['before_mb']:>13.0f}")
    worst = max(exponent(*pair) for pair in pairwise(rows))
    memory = rows[-1]["peak_mb"]
    met = worst <= EXPONENT_GATE and memory <= MEMORY_GATE_MB
    print(f"growth of time: exponent {worst:.3f} (gate {EXPONENT_GATE})")
    print(f"peak memory {memory:.0f} MB (gate {MEMORY_GATE_MB} MB at 1,000,000 companies): {'pass' if met else 'FAIL'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
