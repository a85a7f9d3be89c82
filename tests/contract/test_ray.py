"""The Ray backend against a cluster of this computer: the same tables, lost workers, what is refused."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scenarios import InputError, Study, compose, run
from scenarios.runs.backends import ready
from scenarios.runs.execute import spread
from scenarios.runs.limit import LATE, LOST
from scenarios.runs.manifest import read_entries
from scenarios.runs.pool import Pool
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.points import Asked, Design, make_design
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.sweep import run_design
from tests.fixtures.deaths import dying

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = pytest.mark.slow

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SHORT = ["effects=none", "market.accounts=20", "horizon.days=40", "progress=false"]
QUIET = ["report.enabled=false", "forecast.enabled=false"]
HEADS = "policy.desks.sales.heads"
THERE = ("execution=ray", "execution.workers=2")


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    """A cluster that ends with the last test; where Ray by itself starts none either, there is nothing to test."""
    try:
        ready(Pool("ray", 2))
    except InputError:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - what ray raises has no type of its own
            ray.init(num_cpus=2, include_dashboard=False)
        pytest.skip(f"Ray starts no node here: {caught.value}")
    yield
    ray.shutdown()


def small(*words: str) -> Study:
    return compose("mini", [*SHORT, *QUIET, "replications=3", *words], config_dir=MINI)


def design(points: int, *words: str) -> Design:
    base = compose("mini", [*SHORT, *words], config_dir=MINI)
    chosen = [Point(i, "baseline", {HEADS: 1 + i}) for i in range(points)]
    return make_design("heads", base, {"baseline": base}, chosen, Asked(2, metrics=("cash", "signed")))


def tables(path: Path) -> dict[str, str]:
    files = read_entries(path)["files"].items()
    return {name: entry["digest"] for name, entry in files if name.endswith("parquet")}


def test_a_run_there_and_here(tmp_path: Path) -> None:
    run(small(), tmp_path / "here")
    run(small(*THERE), tmp_path / "there")
    assert "metrics.parquet" in tables(tmp_path / "here")
    assert tables(tmp_path / "there") == tables(tmp_path / "here")


def test_a_sweep_of_which_a_worker_is_killed(tmp_path: Path) -> None:
    done = run_design(design(5, *THERE), tmp_path / "there", simulate=dying(tmp_path / "died", heads=3))
    assert (tmp_path / "died").exists()
    assert done.failures.empty
    run_design(design(5), tmp_path / "here")
    found = [{file: entry["digest"] for file, entry in Sweep(tmp_path / name).record["files"].items()}
             for name in ("here", "there")]  # fmt: skip
    assert found[0] == found[1]


def broken() -> Callable[[Any, int, int], Any]:
    """A simulator that in its second replication kills its worker, and in its third never ends."""

    def simulate(timeline: Any, seed: int, replication: int) -> Any:
        from sim.simulate import simulate as real

        if replication == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        while replication == 2:
            pass
        return real(timeline, seed, replication)

    return simulate


def test_a_replication_that_always_kills_its_worker_and_one_that_hangs_are_rows(tmp_path: Path) -> None:
    found = run(small(*THERE, "execution.timeout=8"), tmp_path / "run", simulate=broken())
    assert {(row["replication"], row["type"]) for row in found.failures} == {(1, LOST), (2, LATE)}
    assert found.manifest.done == [0]


def test_items_come_back_in_their_order_and_exceptions_come_back() -> None:
    pool = Pool("ray", 2)
    assert list(spread(partial(pow, 2), range(6), pool)) == [1, 2, 4, 8, 16, 32]
    with pytest.raises(ZeroDivisionError):
        list(spread(partial(divmod, 1), [1, 0], pool))


def test_nobody_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(InputError, match=rf'^execution.address: no cluster answers, got "{address}"'):
        ready(Pool("ray", address=address))


def test_nodes_that_would_do_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scenarios.runs import ray_cluster

    ready(Pool("ray", 2), tmp_path / "run")
    monkeypatch.setattr(ray_cluster, "look", lambda _: {"numpy": "1.0"})
    with pytest.raises(InputError, match=r"^execution.address: worker .* has another numpy, got 1.0 there"):
        ready(Pool("ray", 2), tmp_path / "run")
    assert not (tmp_path / "run").exists()
