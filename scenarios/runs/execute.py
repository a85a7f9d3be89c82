"""Work over processes: the same results, however many there are and whatever happens to them."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from scenarios.runs.replicate import Outcome, Task, replicate

Item = TypeVar("Item")
Found = TypeVar("Found")

PATIENCE = 2
"""How often a batch may lose a worker before its rest is run one at a time."""


WATCH, WATCH_SECONDS = "end with the parent", 1.0
"""Name of the thread in which a worker looks whether its parent still lives, and how often it does."""


def execute(task: Task, replications: Sequence[int], workers: int = 1) -> Iterator[Outcome]:
    """Run replications and yield what became of each, in the order in which they end.

    Parameters
    ----------
    task : Task
        What to run.
    replications : sequence of int
        Their numbers.
    workers : int
        Processes; 1 runs them in this process.

    Notes
    -----
    Nothing travels through files (``max_nbytes``). A worker that dies takes its whole batch with it; what is
    missing is sent again. A replication that ends its worker even when it runs alone is a failure.
    """
    if workers <= 1 or len(replications) <= 1:
        yield from (replicate(task, number) for number in replications)
        return
    left = list(replications)
    for _ in range(PATIENCE):
        for outcome in _batch(task, left, workers):
            left.remove(outcome.replication)
            yield outcome
        if not left:
            return
    for number in left:
        lost = Outcome(number, error="WorkerLost", message="the process that ran it ended without a word")
        yield next(_batch(task, [number], workers), lost)


def spread(function: Callable[[Item], Found], items: Iterable[Item], workers: int = 1) -> Iterator[Found]:
    """Apply a function to items over processes and yield the results in their order, like ``map``.

    Parameters
    ----------
    function : callable
        Can be pickled, as its items and results can.
    items : iterable
    workers : int
        Processes; 1 works in this process.

    Raises
    ------
    RuntimeError
        If an item ends its worker even when it is worked on alone.

    Notes
    -----
    An exception of ``function`` is raised here. Workers have one thread of linear algebra each.
    """
    left = list(items)
    if workers <= 1 or len(left) <= 1:
        yield from map(function, left)
        return
    for _ in range(PATIENCE):
        done = 0
        for found in _ordered(function, left, workers):
            done += 1
            yield found
        left = left[done:]
        if not left:
            return
    for item in left:
        alone = list(_ordered(function, [item], workers))
        if not alone:
            raise RuntimeError("the process that worked on an item ended without a word")
        yield alone[0]


def _batch(task: Task, replications: list[int], workers: int) -> Iterator[Outcome]:
    """Outcomes of a batch until it is done or a worker dies."""
    numbers = list(replications)
    return pooled([(replicate, task, number) for number in numbers], workers, "generator_unordered")


def _ordered(function: Callable[[Item], Found], items: Sequence[Item], workers: int) -> Iterator[Found]:
    """Results in the order of the items until all are done or a worker dies."""
    return pooled([(function, item) for item in items], workers, "generator")


def pooled(calls: Sequence[tuple[Any, ...]], workers: int, order: str) -> Iterator[Any]:
    """Results of calls (a function and its arguments) in worker processes until all are done or one dies."""
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    processes = max(2, min(workers, len(calls)))
    with sheltered(), parallel_config(backend="loky", inner_max_num_threads=1):
        pool = Parallel(processes, batch_size=1, max_nbytes=None, return_as=order)
        results = pool(delayed(_in_worker)(os.getpid(), *call) for call in calls)
    try:
        yield from results
    except BrokenProcessPool:
        return
    finally:
        results.close()


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


def _in_worker(parent: int, function: Callable[..., Found], *arguments: Any) -> Found:
    """Call a function in a process that does not outlive its parent."""
    watched = any(thread.name == WATCH for thread in threading.enumerate())
    if os.getppid() == parent and not watched:
        threading.Thread(target=_end_with, args=(parent,), name=WATCH, daemon=True).start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)
