"""Work over processes: the same results, however many there are, wherever they are and whatever happens to them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from scenarios.errors import InputError
from scenarios.runs.backends import Call, ready, sent, sheltered
from scenarios.runs.files import fresh_folder
from scenarios.runs.limit import NOTES, Gone
from scenarios.runs.pool import Pool, pool_of
from scenarios.runs.replicate import Outcome, Task, replicate

__all__ = ["PATIENCE", "execute", "settled", "sheltered", "spread"]

Item = TypeVar("Item")
Found = TypeVar("Found")

PATIENCE = 2
"""How often work may be sent in vain before its rest is sent one call at a time."""


def execute(task: Task, replications: Sequence[int], workers: int | None = None) -> Iterator[Outcome]:
    """Run replications and yield what became of each, in the order in which they end.

    Parameters
    ----------
    task : Task
        What to run; its study says where.
    replications : sequence of int
        Their numbers.
    workers : int, optional
        Processes, instead of those of the study; 1 runs them in this process, unless there is a limit of time.

    Notes
    -----
    The work of a worker that dies is sent again. A replication that ends its worker even when it runs alone, or that
    takes longer than the limit, is a failure.
    """
    pool = pool_of(task.study.config)
    pool = pool if workers is None else replace(pool, workers=int(workers))
    if pool.here(len(replications)):
        yield from (replicate(task, number) for number in replications)
        return
    task = replace(task, folder=task.folder.absolute())
    calls = [(replicate, task, number) for number in replications]
    for place, found in settled(calls, pool, task.folder):
        if isinstance(found, Gone):
            found = Outcome(replications[place], error=found.type, message=found.message)
        yield found


def spread(function: Callable[[Item], Found], items: Iterable[Item], workers: int | Pool = 1) -> Iterator[Found]:
    """Apply a function to items over processes and yield the results in their order, like ``map``.

    Parameters
    ----------
    function : callable
        Can be pickled, as its items and results can.
    items : iterable
    workers : int or Pool
        Processes of this computer, 1 works in this process; or where the work is done. There is no limit of time.

    Raises
    ------
    RuntimeError
        If an item ends its worker even when it is worked on alone.

    Notes
    -----
    An exception of ``function`` is raised here. Workers have one thread of linear algebra each.
    """
    left = list(items)
    pool = replace(workers, limit=None) if isinstance(workers, Pool) else Pool(workers=workers)
    if pool.here(len(left)):
        yield from map(function, left)
        return
    waiting: dict[int, Any] = {}
    due = 0
    for place, found in settled([(function, item) for item in left], pool):
        if isinstance(found, Gone):
            raise RuntimeError("the process that worked on an item ended without a word")
        waiting[place] = found
        while due in waiting:
            yield waiting.pop(due)
            due += 1


def settled(
    calls: Sequence[Call],
    pool: Pool,
    folder: Path | None = None,
    recall: Callable[[Iterable[int]], Mapping[int, Any]] = lambda places: {},
) -> Iterator[tuple[int, Any]]:
    """Place and result of every call, or ``Gone``; work that was lost with its worker is sent again.

    Parameters
    ----------
    calls : sequence of tuple
        Functions and arguments.
    pool : Pool
    folder : Path, optional
        One that all workers see; a limit of time needs it.
    recall : callable, optional
        Results of calls that were finished although no word of them came back, by place.
    """
    if not calls:
        return
    ready(pool, folder)
    left, lost = dict(enumerate(calls)), 0
    notes = fresh_folder(folder / NOTES) if folder is not None and pool.limit is not None else None
    try:
        while left and lost < PATIENCE:
            late = False
            for place, found in sent(left, pool, notes):
                late |= isinstance(found, Gone)
                del left[place]
                yield place, found
            lost += not late
            for place, found in _left_behind(left, pool, folder, recall):
                del left[place]
                yield place, found
        for place, call in left.items():
            yield place, dict(sent({place: call}, pool, notes)).get(place, Gone())
    finally:
        if notes is not None:
            shutil.rmtree(notes, ignore_errors=True)


def _left_behind(
    left: Mapping[int, Call], pool: Pool, folder: Path | None, recall: Callable[[Iterable[int]], Mapping[int, Any]]
) -> Iterator[tuple[int, Any]]:
    """What lost calls are known to have come to; all of them are gone if their cluster is."""
    if not left:
        return
    yield from recall(list(left)).items()
    try:
        ready(pool, folder)
    except InputError as error:
        yield from [(place, Gone(message=error.problems[0])) for place in left]
