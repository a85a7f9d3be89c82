"""A small sweep for the tests of faults: its design, its folder, and a simulator that counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenarios import compose
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.points import Asked, Design, make_design
from scenarios.sweeps.run_point import PARTS
from scenarios.sweeps.sampling import Point

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=20", "horizon.days=40", "progress=false"]
METRICS = ("revenue", "cash", "signed", "touches")
POINTS, REPLICATIONS = 20, 2


def made(number: int = POINTS) -> Design:
    """Points that differ in the people of a desk."""
    base = compose("mini", SMALL, config_dir=MINI)
    points = [Point(i, "baseline", {"policy.desks.sales.heads": 1 + i}) for i in range(number)]
    return make_design("heads", base, {"baseline": base}, points, Asked(REPLICATIONS, metrics=METRICS))


def digests(path: Path) -> dict[str, str]:
    """Digests of the tables of a finished sweep."""
    return {name: entry["digest"] for name, entry in Sweep(path).record["files"].items()}


def counting(log: Path) -> Callable[[Any, int, int], Any]:
    """A simulator that leaves a byte for every replication that it begins."""

    def simulate(timeline: Any, seed: int, replication: int) -> Any:
        from sim.simulate import simulate as real

        with log.open("ab") as stream:
            stream.write(b".")
        return real(timeline, seed, replication)

    return simulate


def parts(path: Path) -> set[str]:
    """Names of the files of jobs."""
    folder = path / PARTS
    return {file.name for file in folder.iterdir() if file.suffix == ".parquet"} if folder.is_dir() else set()
