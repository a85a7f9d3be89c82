"""Churn from the contracts in force: which fall due in the months ahead, who leaves then, and what that is worth.

Decisions taken so far are fitted by segment with the shifted-beta-geometric model (``analysis.forecast.renewals``,
which keeps Kaplan-Meier beside it), monthly terms apart from longer ones; a segment with few renewal points leans on
the others. Larger contracts may be renewed more often, or less: a slope on the logarithm of revenue is fitted over
all of them, without which a few large ones would be lost far too easily.

A term is decided some time after (or before) its end: delays are those of the past by Kaplan-Meier, in which terms
still undecided are censored, and an open term is decided later than now. On a sample path every account decides by
itself, given the parameters drawn for the path, at each of its renewals within the horizon. Contracts not yet signed
come at the rate of the last year, alike those signed then, and may leave within the horizon too. Recurring revenue
moves on at its own past rate of expansion and contraction until it is lost.

Not modelled: what prices or service do to renewals, delays that depend on each other through a queue, and accounts
with contracts on several products, each of which counts as a customer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from analysis.asof import opened_at
from analysis.forecast.book import PRIOR_SLOPE, Book, Terms, book_of
from analysis.forecast.combine import Outlook, equal_points
from analysis.forecast.fitted import Fitted
from analysis.forecast.renewals import DRAWS, PRIOR_DECISIONS
from analysis.tables import Tables
from sim.units import DAYS_PER_MONTH, MINOR

if TYPE_CHECKING:
    from analysis.forecast.history import History

MEASURES = ("churned_customers", "churned_mrr")
"""Series that renewals inform."""

PATHS = 2000
"""Sample paths behind an outlook."""

_BLOCK = 1 << 18
"""Contracts times paths that are simulated at once."""


def leaving(book: Book, edges: np.ndarray, paths: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Customers and recurring revenue lost, minor units, on sample paths.

    Parameters
    ----------
    book : Book
    edges : float array (h,)
        Ends of the steps in days from the cutoff.
    paths : int
    rng : numpy.random.Generator

    Returns
    -------
    tuple of float array (paths, h)
    """
    sums = np.zeros((2, paths * len(edges)))
    row, normal = rng.integers(DRAWS, size=paths), rng.standard_normal(paths)
    for (monthly, segment), fitted in sorted(book.renewals.items(), key=itemgetter(0)):
        live, recent = (t[(t.monthly == monthly) & (t.segment == segment)] for t in (book.live, book.recent))
        size = max(_BLOCK // paths, 1)
        blocks = [
            _in_force(live[np.arange(i, min(i + size, len(live.end)))], paths) for i in range(0, len(live.end), size)
        ]
        for lives in (*blocks, _to_come(recent, edges[-1] / book.span, edges[-1], (paths, rng))):
            parameters = np.column_stack((fitted.draws[row[lives.path]], normal[lives.path]))
            _live(book, lives, parameters, edges, rng, sums)
    return sums[0].reshape(paths, -1), sums[1].reshape(paths, -1)


@dataclass(frozen=True, eq=False)
class _Lives:
    """Contracts on paths: path, next end of a term in days from now, and as in ``Terms``."""

    path: np.ndarray
    due: np.ndarray
    length: np.ndarray
    age: np.ndarray
    mrr: np.ndarray
    fixed: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> _Lives:
        return _Lives(**{name: values[chosen] for name, values in vars(self).items()})


def _in_force(live: Terms, paths: int) -> _Lives:
    """Every contract on every path; an open-ended one may be given up at the end of every month."""
    fixed = ~np.isnan(live.end)
    due = np.where(fixed, live.end, DAYS_PER_MONTH / 2)
    columns = (due, live.length, live.age + live.decided, np.nan_to_num(live.mrr), fixed)
    n = len(due)
    return _Lives(np.repeat(np.arange(paths), n), *(np.tile(column, paths) for column in columns))


def _to_come(recent: Terms, share: float, until: float, by: tuple[int, np.random.Generator]) -> _Lives:
    """Contracts that begin at random before `until`, each like one of the recent ones; `share` of these are expected.

    Their rate is as uncertain as a count of so many is: a gamma distribution (Jeffreys' prior).
    """
    paths, rng = by
    size = len(recent.end)
    number = rng.poisson(rng.gamma(size + 0.5, share, paths)) if size else np.zeros(paths, int)
    like = recent[rng.integers(max(size, 1), size=number.sum())] if size else recent
    fixed = ~np.isnan(like.end)
    due = rng.random(len(fixed)) * until + np.where(fixed, like.length, 0.0)
    columns = (due, like.length, np.zeros(len(due), int), np.nan_to_num(like.mrr), fixed)
    return _Lives(np.repeat(np.arange(paths), number), *columns)[due < until]


def _live(
    book: Book, lives: _Lives, parameters: np.ndarray, edges: np.ndarray, rng: np.random.Generator, sums: np.ndarray
) -> None:
    """Take all decisions before the last edge and add what is lost to `sums`, shape (2, paths * steps)."""
    steps = len(edges)
    while len(lives.path):
        u, age = rng.random((2, len(lives.path))), lives.age
        wait = np.where(lives.fixed, book.delay.draw(u[1], -lives.due), 0.0)
        when = np.maximum(lives.due + wait, 0.0)
        step = np.searchsorted(edges, when, side="right")
        alpha, beta, normal = parameters.T
        left = u[0] >= book.tilt.stay((beta + age) / (alpha + beta + age), lives.mrr, normal)
        gone = left & (step < steps)
        at = lives.path[gone] * steps + step[gone]
        worth = lives.mrr[gone] * (1 + book.growth) ** (when[gone] / DAYS_PER_MONTH)
        sums[0] += np.bincount(at, minlength=sums.shape[1])
        sums[1] += np.bincount(at, worth, sums.shape[1])
        stays = ~left & (lives.due + lives.length < edges[-1])
        lives, parameters = lives[stays], parameters[stays]
        lives = replace(lives, due=lives.due + lives.length, age=lives.age + 1)


# Series that are better informed


def steps_ahead(history: History, h: int) -> tuple[np.datetime64, np.ndarray]:
    """First instant after a history of calendar months, and the ends of the next `h` in days from then.

    Raises
    ------
    ValueError
        If the history is not of calendar months.
    """
    last = history.cutoff.to_datetime64().astype("datetime64[M]")
    months = last + np.arange(1, h + 2)
    if (history.ahead(h + 1).to_numpy("datetime64[M]") != months).any():
        raise ValueError("contracts and deals inform series of calendar months only")
    starts = months.astype("datetime64[us]")
    return starts[0], (starts[1:] - starts[0]) / np.timedelta64(1, "D")


def informed_churn(
    tables: Tables,
    measure: str,
    prior_decisions: float = PRIOR_DECISIONS,
    prior_slope: float = PRIOR_SLOPE,
    *,
    monthly: bool = False,
) -> Callable[[Fitted], Fitted]:
    """What turns the forecast of a series of churn into one that knows which contracts fall due.

    Parameters
    ----------
    tables : Tables
        Of one replication, as of the cutoff of the series (``analysis.asof.as_of``): accounts and subscriptions;
        events tell whether the run started from a state.
    measure : str
        One of ``MEASURES``: what the series counts; ``churned_mrr`` in major units.
    prior_decisions, prior_slope : float
        As in ``book_of``.
    monthly : bool
        Whether contracts of monthly terms are reckoned with as well. Nobody knows in which month they will end, so
        that on simulated platforms and clouds they told no more than the series; by default a business that has any
        in force keeps the series' own forecast.

    Returns
    -------
    callable
        From the series' own ``Fitted`` to one of the same history. Where contracts tell nothing, the series' own is
        given back with a note. It raises ValueError where tables go beyond the end of the history. It can be
        pickled.

    Raises
    ------
    ValueError
        If the measure is none of them.
    """
    if measure not in MEASURES:
        raise ValueError(f"renewals inform {' and '.join(MEASURES)}, got {measure!r}")
    own = Tables({name: tables[name] for name in ("accounts", "subscriptions")})
    since = opened_at(tables)
    read = partial(book_of, own, prior_decisions=prior_decisions, prior_slope=prior_slope, since=since)
    return partial(_inform, read, measure, monthly)


def _inform(read: Callable[[np.datetime64], Book], measure: str, monthly: bool, fitted: Fitted) -> Fitted:
    book = read(steps_ahead(fitted.history, 1)[0])
    reason = _silent(book, measure, monthly)
    if reason:
        return replace(fitted, note="; ".join(filter(None, (fitted.note, f"{reason}: contracts tell nothing"))))
    notes = (*fitted.history.notes, f"renewals of {len(book.live.end)} contracts in force", *_reasons(book))
    draw = partial(_paths, book, measure, fitted.history)
    return Fitted("renewals", fitted.history, partial(outlook_of, draw), "; ".join(notes), draw)


def _silent(book: Book, measure: str, monthly: bool) -> str:
    """Why contracts tell nothing, empty if they do."""
    live = set(zip(book.live.monthly.tolist(), book.live.segment.tolist(), strict=True))
    if not book.renewals or not live <= book.renewals.keys():
        return "no renewal has been decided"
    if book.live.monthly.any() and not monthly:
        return "contracts of monthly terms are in force"
    worthless = measure == "churned_mrr" and not (np.nan_to_num(book.live.mrr) > 0).any()
    return "no contract in force has recurring revenue" if worthless else ""


def _reasons(book: Book) -> list[str]:
    """Why segments are not fitted by themselves, each reason once."""
    models = [model for _, model in sorted(book.renewals.items(), key=itemgetter(0))]
    return list(dict.fromkeys(model.note for model in models if model.note))


def _paths(book: Book, measure: str, history: History, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    customers, revenue = leaving(book, steps_ahead(history, h)[1], paths, rng)
    return customers if measure == "churned_customers" else revenue / MINOR


def outlook_of(draw: Callable[[int, int, np.random.Generator], np.ndarray], h: int) -> Outlook:
    """What ``PATHS`` paths of `draw` amount to, the same at every call."""
    rng = np.random.default_rng(0)
    paths = draw(h, PATHS, rng)
    return equal_points(paths.mean(axis=0), paths)
