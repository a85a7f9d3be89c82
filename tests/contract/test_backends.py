"""Backends: the same tables from local processes, a Dask cluster and any way of starting processes; what is refused."""

from __future__ import annotations

import multiprocessing
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scenarios import InputError, Study, compare, compose, run
from scenarios.runs import backends
from scenarios.runs.backends import ready, sent
from scenarios.runs.execute import spread
from scenarios.runs.manifest import read_entries, versions
from scenarios.runs.pool import Pool, pool_of
from scenarios.runs.replicate import Task, replicate
from scenarios.runs.sets import SETS
from scenarios.studies.digest import table_digest
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.points import Asked, make_design
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.sweep import run_design
from tests.fixtures.clusters import cluster, scheduler
from tests.fixtures.deaths import dying

pytest.importorskip("distributed", reason="the extra dask is not installed")

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SHORT = ["effects=none", "market.accounts=20", "horizon.days=40", "progress=false"]
SMALL = [*SHORT, "report.enabled=false", "forecast.enabled=false", "replications=3"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cluster(tmp_path_factory.mktemp("cluster")) as file:
        yield file


@pytest.fixture
def dask(address: str) -> list[str]:
    return ["execution=dask", f"execution.address={address}"]


def small(*words: str) -> Study:
    return compose("mini", [*SMALL, *words], config_dir=MINI)


def digests(path: Path) -> dict[str, str]:
    return {name: entry["digest"] for name, entry in read_entries(path)["files"].items() if name.endswith("t")}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Tables of the run in this process."""
    path = tmp_path_factory.mktemp("local") / "run"
    run(small(), path)
    return digests(path)


def test_a_run_over_processes_and_on_a_cluster(
    tmp_path: Path, local: dict[str, str], dask: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(small("execution.workers=2"), tmp_path / "two")
    monkeypatch.chdir(tmp_path)
    run(small(*dask), "cluster")
    assert "metrics.parquet" in local
    assert digests(tmp_path / "two") == digests(tmp_path / "cluster") == local


@pytest.mark.slow
def test_the_runs_of_a_comparison_on_a_cluster(tmp_path: Path, dask: list[str]) -> None:
    for name, words in (("here", []), ("cluster", dask)):
        compare("mini", ["baseline", "cheaper"], [*SMALL, "compare.flips=false", *words], MINI, tmp_path / name)
    for scenario in ("baseline", "cheaper"):
        here, there = (digests(tmp_path / name / "mini" / scenario) for name in ("here", "cluster"))
        assert here == there
    assert digests(tmp_path / "here") == digests(tmp_path / "cluster")


def test_a_sweep_over_processes_and_on_a_cluster_of_which_a_worker_is_killed(tmp_path: Path, dask: list[str]) -> None:
    found = {}
    for name, words in (("one", []), ("two", ["execution.workers=2"]), ("cluster", dask)):
        base = compose("mini", [*SHORT, *words], config_dir=MINI)
        points = [Point(i, "baseline", {"policy.desks.sales.heads": 1 + i}) for i in range(5)]
        design = make_design("heads", base, {"baseline": base}, points, Asked(2, metrics=("cash", "signed")))
        stand_in = dying(tmp_path / "died", heads=3) if name == "cluster" else None
        done = run_design(design, tmp_path / name, simulate=stand_in)
        assert done.failures.empty
        found[name] = {file: entry["digest"] for file, entry in Sweep(done.path).record["files"].items()}
    assert (tmp_path / "died").exists()
    assert found["one"] == found["two"] == found["cluster"]


def test_ways_of_starting_processes(tmp_path: Path) -> None:
    study, found = small(), {}
    for method in ("here", "fork", "spawn"):
        (tmp_path / method / SETS).mkdir(parents=True)
        task = Task(study, tmp_path / method, ("events", "ledger"))
        if method == "here":
            outcomes = [replicate(task, number) for number in (0, 1)]
        else:
            with multiprocessing.get_context(method).Pool(1) as pool:
                outcomes = [pool.apply(replicate, (task, number)) for number in (1, 0)]
        assert [outcome.error for outcome in outcomes] == ["", ""]
        files = sorted(task.folder.rglob("*.parquet"))
        found[method] = {str(file.relative_to(task.folder)): table_digest(pq.read_table(file)) for file in files}
    assert len(found["here"]) == 2 * 4
    assert found["here"] == found["fork"] == found["spawn"]


def test_items_come_back_in_their_order_and_exceptions_come_back(address: str) -> None:
    pool = Pool("dask", address=address)
    assert list(spread(partial(pow, 2), range(6), pool)) == [1, 2, 4, 8, 16, 32]
    with pytest.raises(ZeroDivisionError):
        list(spread(partial(divmod, 1), [1, 0], pool))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_no_scheduler_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    from scenarios.runs import dask_cluster

    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(dask_cluster, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(dask_cluster, "SAY_SECONDS", 0.2)
    nobody = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=f'^execution.address: no scheduler answers, got "{nobody}"'):
        ready(Pool("dask", address=nobody), tmp_path / "run")
    with pytest.raises(InputError, match=r"no scheduler answers, got .* \(FileNotFoundError\)"):
        ready(Pool("dask", address=str(tmp_path / "absent.json")))
    assert capfd.readouterr().err == ""
    with scheduler(tmp_path) as (file, _), pytest.raises(InputError, match=r"has no worker after 1 s"):
        ready(Pool("dask", address=file), tmp_path / "run")
    assert capfd.readouterr().err == f"no worker at {file} yet; waiting for 1 s\n"
    assert not (tmp_path / "run").exists()


def test_workers_that_would_do_something_else_are_refused(tmp_path: Path) -> None:
    from scenarios.runs.alike import look, unlike

    token = tmp_path / "token"
    token.touch()
    same = look(token)
    assert same["numpy"] == versions()["numpy"]
    assert unlike({"a": same, "b": same}, token) == []
    said = {"a": same | {"numpy": "1.0"}, "b": same | {"folder": None}, "c": ModuleNotFoundError("scenarios")}
    found = unlike(said, token)
    assert [line.split(",")[0] for line in found] == [
        "execution.address: worker a has another numpy",
        "out: is not seen by worker b",
        "execution.address: worker c cannot run tobsim",
    ]


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda _: None)
    for backend, package in (("dask", "distributed"), ("ray", "ray")):
        line = f"execution.backend: needs the package {package}, got none; pip install 'tobsim[{backend}]'"
        with pytest.raises(InputError) as caught:
            ready(Pool(backend, address="tcp://127.0.0.1:1"))
        assert caught.value.problems == [f"{line}, or execution.backend=local"]


@pytest.mark.parametrize(
    ("words", "where", "what"),
    [
        (["execution.backend=dask"], "execution.address", "is missing, got null; the scheduler's, tcp://HOST:8786"),
        (["execution=dask", "execution.address=here"], "execution.address", 'is no address of a scheduler, got "here"'),
        (["execution.address=tcp://a:1"], "execution.address", 'is of a cluster, got "tcp://a:1" with backend local'),
        (["execution=ray", "execution.address=' '"], "execution.address", 'is empty, got " "'),
        (["execution.backend=slurm"], "execution.backend", "must be one of local, dask, ray"),
        (["execution.timeout=0"], "execution.timeout", "must be from 0.1 to 1e+07, got 0"),
        (["execution.timeout=soon"], "execution.timeout", "must be"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_is_refused(words: list[str], where: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        small(*words)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{where}: {what}")


def test_where_the_work_is_done_changes_no_digest(dask: list[str]) -> None:
    there = small(*dask, "execution.timeout=5")
    assert there.digest == small().digest
    assert pool_of(there.config) == Pool("dask", 1, dask[1].partition("=")[2], 5)


class Ending:
    """Stands in for the client of a scheduler that ends after some calls: what is done cannot be fetched any more."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def nthreads(self) -> dict[str, int]:
        return {"worker": 1}

    def cancel(self, _: Any) -> None:
        pass

    def submit(self, func: Callable[[], Any], **_: Any) -> Future[Any]:
        self.calls -= 1
        if self.calls < 0:
            raise RuntimeError("Client is closed")
        future: Future[Any] = Future()
        future.status = "finished"  # type: ignore[attr-defined]
        if self.calls:
            future.set_result(func())
        else:
            future.set_exception(OSError("the connection is closed"))
        return future


def test_a_scheduler_that_ends_while_calls_wait_leaves_calls_without_result(monkeypatch: pytest.MonkeyPatch) -> None:
    from scenarios.runs import dask_cluster

    client = Ending(3)
    monkeypatch.setattr(dask_cluster, "connected", lambda _: client)
    found: list[tuple[int, Any]] = []
    calls = {number: (abs, -number) for number in range(20)}
    work = threading.Thread(target=lambda: found.extend(sent(calls, Pool("dask", address="a"))), daemon=True)
    work.start()
    work.join(20)
    assert not work.is_alive(), "waits for good"
    assert found == [(0, 0), (1, 1)]


@pytest.mark.parametrize("error", [OSError, TypeError, AssertionError, KeyError])
def test_what_is_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """What distributed raises without an answer, without certificates, and of a file that is no scheduler's."""
    import distributed

    def refuse(**_: Any) -> None:
        raise error

    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(InputError, match=r"^execution.address: no scheduler answers, got \"tls://127.0.0.1:1\""):
        ready(Pool("dask", address="tls://127.0.0.1:1"))
