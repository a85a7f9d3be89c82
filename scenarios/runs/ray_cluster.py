"""A Ray cluster as a backend of joblib: what is sent there, and whether those who work there can do it.

The backend that Ray brings for joblib is a pool of processes, which hands results back in their order only and waits
for good when one of its processes dies; here a call is a task of Ray, and one whose worker died has no result and is
sent again by whoever sent it.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib.parallel import ParallelBackendBase

from scenarios.errors import InputError, shown
from scenarios.runs.alike import look, token_in, unlike

if TYPE_CHECKING:
    from scenarios.runs.pool import Pool

CONNECT_SECONDS, LOOK_SECONDS = 10.0, 60.0
"""How long a cluster may take to answer, and its nodes to say what they are."""

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
"""Ray would tell its makers of every start, and write to the terminal."""


def connect(pool: Pool) -> None:
    """Join the cluster at the address; without one, start a cluster of this computer, which ends with this process.

    Raises
    ------
    InputError
        If none answers.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        return
    own = {"address": pool.address} if pool.address else {"num_cpus": pool.workers, "include_dashboard": False}
    try:
        if pool.address:
            _knock(pool.address)
        with _hushed():
            ray.init(**own, logging_level=logging.CRITICAL, log_to_driver=False)
    except Exception as error:  # what ray raises here has no type of its own
        raise InputError([_silent(pool, type(error).__name__)]) from None


def _silent(pool: Pool, error: str) -> str:
    """What is wrong where no cluster answers or starts."""
    if not pool.address:
        return f"execution.backend: ray starts no node on this computer, got {error}; execution.backend=local"
    wanted = "the address that ray start prints, with RAY_AUTH_MODE=token if it asks for a token; or null"
    return f"execution.address: no cluster answers, got {shown(pool.address)} ({error}); {wanted}"


def _knock(address: str) -> None:
    """See that something listens at HOST:PORT; Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "://" not in host:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()


@contextmanager
def _hushed() -> Iterator[None]:
    """Without what compiled code writes to stderr: a line a second for as long as no answer comes."""
    sys.stderr.flush()
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def processors(pool: Pool) -> int:
    """Calls at the same time."""
    import ray

    connect(pool)
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def check_nodes(pool: Pool, place: Path | None = None) -> None:
    """See that all nodes have the same versions and code as this process and see the same folder.

    Raises
    ------
    InputError
    """
    connect(pool)
    with token_in(place) as token:
        problems = unlike(_looks(token), token)
    if problems:
        raise InputError(problems)


def _looks(token: Path | None) -> dict[str, Any]:
    """What each node says of itself, or why it says nothing."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    asked = {
        f"{address} ({name[:8]})": ray.remote(num_cpus=0)(look)
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(name, soft=False))
        .remote(token)
        for name, address in nodes.items()
    }
    found: dict[str, Any] = {}
    for name, answer in asked.items():
        try:
            found[name] = ray.get(answer, timeout=LOOK_SECONDS)
        except Exception as error:  # of the node, of Ray, or of what is imported there
            found[name] = getattr(error, "cause", None) or error
    return found


class RayBackend(ParallelBackendBase):  # type: ignore[misc]
    """Sends what joblib hands it to a Ray cluster, a task for each call.

    Parameters
    ----------
    pool : Pool
        Names the cluster.
    """

    supports_retrieve_callback = True

    def __init__(self, pool: Pool) -> None:
        import ray

        super().__init__(nesting_level=0)
        self.width = processors(pool)
        self.task = ray.remote(num_cpus=1, max_retries=0)(_called)
        self.waiting: dict[Future[Any], Any] = {}

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Calls at the same time; never 1, of which joblib would make a loop in this process."""
        return max(2, self.width)

    def submit(self, func: Any, callback: Any = None) -> Future[Any]:
        """Send a call; ``callback`` hears of its end."""
        reference = self.task.remote(func)
        future: Future[Any] = reference.future()
        self.waiting[future] = reference
        future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future[Any]) -> list[Any]:
        """Results of a call, ``[None]`` if it has cost its worker or was taken back."""
        self.waiting.pop(out, None)
        try:
            return list(out.result())
        except _lost():
            return [None]

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Take back what has not come back."""
        import ray

        for reference in self.waiting.values():
            ray.cancel(reference, force=True)
        self.waiting.clear()


def _called(func: Any) -> Any:
    """The work of a task."""
    return func()


def _lost() -> tuple[type[BaseException], ...]:
    """What says that a call has cost its worker or was taken back."""
    from ray import exceptions

    return (
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
        exceptions.OutOfMemoryError,
        exceptions.LocalRayletDiedError,
        exceptions.ObjectLostError,
        exceptions.TaskCancelledError,
    )
