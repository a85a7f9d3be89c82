"""Replications over processes: the same results, however many there are and whatever happens to them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from scenarios.replicate import Outcome, Task, replicate

PATIENCE = 2
"""How often a batch of replications may lose a worker before its rest is run one at a time."""


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


def _batch(task: Task, replications: list[int], workers: int) -> Iterator[Outcome]:
    """Outcomes of a batch until it is done or a worker dies."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    processes = max(2, min(workers, len(replications)))
    pool = Parallel(processes, backend="loky", batch_size=1, max_nbytes=None, return_as="generator_unordered")
    with sheltered():
        outcomes = pool(delayed(_in_worker)(task, number, os.getpid()) for number in list(replications))
    try:
        yield from outcomes
    except BrokenProcessPool:
        return
    finally:
        outcomes.close()


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


def _in_worker(task: Task, replication: int, parent: int) -> Outcome:
    """Replicate in a process that does not outlive its parent."""
    watched = any(thread.name == WATCH for thread in threading.enumerate())
    if os.getppid() == parent and not watched:
        threading.Thread(target=_end_with, args=(parent,), name=WATCH, daemon=True).start()
    return replicate(task, replication)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)
