"""Where work is sent: processes of this computer, a Dask cluster or a Ray cluster, all through joblib.

A call is a function and its arguments; all of them can be pickled. Calls are numbered, and results come back with
their number in the order in which they end. A call whose worker died has no result: whoever sent it sends it again.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scenarios.errors import InputError
from scenarios.runs.limit import Gone, late, limited
from scenarios.runs.pool import DASK, LOCAL, RAY, Pool

PACKAGES = {DASK: "distributed", RAY: "ray"}
"""What a backend needs, which is the extra of its name."""

WATCH, WATCH_SECONDS = "end with the parent", 1.0
"""Name of the thread in which a worker looks whether its parent still lives, and how often it does."""

TURN = threading.Lock()
"""A worker with several threads works on one call at a time."""

PRELOADED = ("sim.simulate", "analysis.metrics", "analysis.identities", "analysis.tables", "pyarrow.parquet")
"""What a worker imports before its first call under a limit; that counts against none."""

Call = tuple[Any, ...]


def ready(pool: Pool, place: Path | None = None) -> None:
    """Make sure that work can be sent, before anything is written.

    Parameters
    ----------
    pool : Pool
    place : Path, optional
        Folder that workers are going to write in; it need not be there yet.

    Raises
    ------
    InputError
        If a package is not installed, nothing answers at the address, no worker is there after a minute, or a worker
        has other versions than this process or does not see the folder.
    """
    if pool.backend == LOCAL:
        return
    _check_installed(pool)
    if pool.backend == DASK:
        from scenarios.runs.dask_cluster import check_workers

        check_workers(pool, place)
    else:
        from scenarios.runs.ray_cluster import check_nodes

        check_nodes(pool, place)


def _check_installed(pool: Pool) -> None:
    if find_spec(PACKAGES[pool.backend]) is None:
        text = f"needs the package {PACKAGES[pool.backend]}, got none; pip install 'tobsim[{pool.backend}]'"
        raise InputError([f"execution.backend: {text}, or execution.backend=local"])


def width(pool: Pool) -> int:
    """How many calls are worked on at the same time.

    Raises
    ------
    InputError
        If a package is not installed, or nothing answers at the address.
    """
    if pool.backend == LOCAL:
        return pool.workers
    _check_installed(pool)
    if pool.backend == DASK:
        from scenarios.runs.dask_cluster import threads

        return threads(pool)
    from scenarios.runs.ray_cluster import processors

    return processors(pool)


def sent(calls: Mapping[int, Call], pool: Pool, notes: Path | None = None) -> Iterator[tuple[int, Any]]:
    """Number and result of calls in worker processes, until all are done or a worker dies.

    Parameters
    ----------
    calls : mapping
        By number: a function and its arguments.
    pool : Pool
    notes : Path, optional
        Folder for the notes of calls that take too long; without it there is no limit.
    """
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    settings, jobs, ahead = _backend(pool, len(calls))
    parent = os.getpid() if pool.backend == LOCAL else None
    orders = [Order(number, parent, pool.limit, notes / str(number) if notes else None) for number in calls]
    with sheltered(), parallel_config(**settings):
        parallel = Parallel(jobs, batch_size=1, return_as="generator_unordered", pre_dispatch=ahead, max_nbytes=None)
        results = parallel(delayed(in_worker)(order, *calls[order.number]) for order in orders)
    left = {order.number: order for order in orders}
    try:
        for number, found in filter(None, results):
            del left[number]
            yield number, found
    except BrokenProcessPool:
        pass
    finally:
        results.close()
    yield from _late(left)


def _backend(pool: Pool, calls: int) -> tuple[dict[str, Any], int, int | str]:
    """Settings of joblib, jobs at the same time, and jobs sent ahead."""
    if pool.backend == DASK:
        from scenarios.runs.dask_cluster import DaskBackend

        return {"backend": DaskBackend(pool)}, 2, "4*n_jobs"
    if pool.backend == RAY:
        from scenarios.runs.ray_cluster import RayBackend

        return {"backend": RayBackend(pool)}, 2, "4*n_jobs"
    jobs = max(2, min(pool.workers, calls))  # joblib works on the calls of one job in this process
    return {"backend": "loky", "inner_max_num_threads": 1}, jobs, 1 if pool.workers == 1 else "2*n_jobs"


def _late(left: Mapping[int, Order]) -> Iterator[tuple[int, Gone]]:
    for number, order in left.items():
        if gone := late(order.limit, order.note):
            yield number, gone


@contextmanager
def sheltered() -> Iterator[None]:
    """Processes that start in here never hear Ctrl-C, which is for their parent alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class Order:
    """What a worker has to know of a call: its number, the process to end with, how long it may take."""

    number: int
    parent: int | None = None
    limit: float | None = None
    note: Path | None = None


def in_worker(order: Order, function: Callable[..., Any], *arguments: Any) -> tuple[int, Any]:
    """Number and result of a call, in a process that does not outlive its parent; late calls are not begun again."""
    watched = any(thread.name == WATCH for thread in threading.enumerate())
    if os.getppid() == order.parent and not watched:
        threading.Thread(target=_end_with, args=(order.parent,), name=WATCH, daemon=True).start()
    if gone := late(order.limit, order.note):
        return order.number, gone
    with TURN, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if order.limit is not None:
            _prepare()
        with limited(order.limit, order.note):
            return order.number, function(*arguments)


@cache
def _prepare() -> None:
    """Do once what the first call would do beside its work."""
    from scenarios.studies.schema import validate

    for name in PRELOADED:
        import_module(name)
    validate({})  # builds the schema


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)
