"""The ways of single accounts through two runs: what they decided, one after the other, and where their ways part.

Two runs share every customer's fate, so that an account takes the same way in both until a decision falls
otherwise, or one run asks what the other does not, or one run is not as far when the horizon ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.metrics.columns import codes_of
from analysis.tables import Tables

OUTCOME, ROUTE, TIMING = "outcome", "route", "timing"
"""How two ways part."""

_MINUTE = np.timedelta64(1, "m")


@dataclass(frozen=True, kw_only=True)
class Course:
    """What the configurations of two runs say about the ways of accounts.

    Attributes
    ----------
    route : frozenset of str, optional
        Decisions that lead to different places; all unless given. Others (to buy more) change revenue alone.
    monthly : frozenset of str
        Decisions that are taken every month and logged only when they are yes.
    paced : frozenset of str
        Stops at which the two runs set another duration, other hours, or that one of them switches off.
    set_signals : frozenset of str
        Signals that one of the runs sets otherwise, whatever happens to the account.
    by_channel : bool
        Whether a split of the route sends accounts by the channel that came first.
    """

    route: frozenset[str] | None = None
    monthly: frozenset[str] = frozenset()
    paced: frozenset[str] = frozenset()
    set_signals: frozenset[str] = frozenset()
    by_channel: bool = False

    def leads(self, decision: str) -> bool:
        """Whether the outcome of a decision leads to different places."""
        return self.route is None or decision in self.route


def where_ways_part(base: Tables, plan: Tables, accounts: np.ndarray, course: Course) -> pd.DataFrame:
    """The decision at which the ways of accounts through two runs part.

    The decisions of the route are compared one by one in the order of time:

    - ``outcome``: both runs ask the same, and the answers differ;
    - ``route``: the runs ask different things; the decision is the one of the two that the other run asks nobody.
      If both are such or neither is, it is the plan's, unless the base asked it of the account somewhere else;
    - ``timing``: one run has gone through all that the other has and further; the decision is the next one, to
      which the other has not come by the horizon (null where neither decided anything more).

    A monthly decision is logged by who leaves. Where one run's next decision is such a departure and the other's
    account is still at that stop, at least as many months later, it stayed where it would have left: ``outcome``.

    Parameters
    ----------
    base, plan : Tables
        Of one replication.
    accounts : int array
        Numbers of the accounts to look at, ascending.
    course : Course

    Returns
    -------
    DataFrame
        Index ``account``, one row for each; ``decision``, ``occurrence``, ``how``; ``time``, ``p`` and ``u`` of that
        decision in each run (``_base``, ``_plan``), NaN where it did not come to pass.
    """
    names = tuple(sorted(n for n in _names(base["decisions"], plan["decisions"]) if course.leads(n)))
    sides = (_Sequence(base["decisions"], accounts, names), _Sequence(plan["decisions"], accounts, names))
    parted = _first_difference(*sides)
    found = pd.DataFrame(index=pd.Index(accounts, name="account"))
    found["decision"] = pd.Series(None, index=found.index, dtype=object)
    found["occurrence"] = pd.array([pd.NA] * len(accounts), "Int64")
    found["how"] = TIMING
    for column in ("time", "p", "u"):
        found[f"{column}_base"] = found[f"{column}_plan"] = np.nan
    if len(parted):
        _fill(found, parted, sides, names)
        _settle_monthly(found, base, plan, course)
    return found


def _names(*decisions: pd.DataFrame) -> set[str]:
    return {str(name) for frame in decisions for name in frame["decision"].unique() if isinstance(name, str)}


class _Sequence:
    """Decisions of chosen accounts in one run, by account and in the order of time; arrays over decisions."""

    def __init__(self, decisions: pd.DataFrame, accounts: np.ndarray, names: tuple[str, ...]) -> None:
        code = codes_of(decisions["decision"], names)
        self.all_codes = np.unique(code)
        place = positions(accounts, decisions["account"].to_numpy())
        rows = np.flatnonzero((code >= 0) & (place >= 0))
        rows = rows[np.argsort(place[rows], kind="stable")]
        self.place, self.code = place[rows], code[rows]
        first = np.searchsorted(self.place, self.place, side="left")
        self.rank = np.arange(len(rows)) - first
        self.occurrence = decisions["occurrence"].to_numpy()[rows]
        self.outcome = decisions["outcome"].to_numpy(bool)[rows]
        self.time, self.p, self.u = (decisions[c].to_numpy(float)[rows] for c in ("time", "probability", "uniform"))

    def at(self, keys: np.ndarray, width: int) -> np.ndarray:
        """Row of each (account, rank), -1 where there is none."""
        own = self.place * width + self.rank
        found = np.minimum(np.searchsorted(own, keys), max(len(own) - 1, 0))
        return np.where(own[found] == keys, found, -1) if len(own) else np.full(len(keys), -1)

    def never(self, other: _Sequence, rows: np.ndarray) -> np.ndarray:
        """Whether the other run asks nobody what is asked in rows of this one (-1: no row)."""
        found = np.zeros(len(rows), bool)
        found[rows >= 0] = ~np.isin(self.code[rows[rows >= 0]], other.all_codes)
        return found

    def asked(self) -> pd.MultiIndex:
        """(account, decision, occurrence) of all that was asked."""
        return pd.MultiIndex.from_arrays([self.place, self.code, self.occurrence])


def positions(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Places of numbers in an ascending array of them, -1 where absent."""
    if not len(ids):
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1)


def _first_difference(a: _Sequence, b: _Sequence) -> np.ndarray:
    """(place, row in a, row in b) of the first difference of every account that has one; shape (parted, 3)."""
    width = int(max(a.rank.max(initial=0), b.rank.max(initial=0))) + 1
    keys = np.union1d(a.place * width + a.rank, b.place * width + b.rank)
    i, j = a.at(keys, width), b.at(keys, width)
    alike = (i >= 0) & (j >= 0)
    for x, y in ((a.code, b.code), (a.occurrence, b.occurrence), (a.outcome, b.outcome)):
        if len(x) and len(y):
            alike &= x[i] == y[j]
    differ = np.flatnonzero(~alike)
    _, first = np.unique(keys[differ] // width, return_index=True)
    chosen = differ[first]
    return np.stack([keys[chosen] // width, i[chosen], j[chosen]], axis=1)


def _fill(found: pd.DataFrame, parted: np.ndarray, sides: tuple[_Sequence, _Sequence], names: tuple[str, ...]) -> None:
    """Enter decision, manner, times and numbers of the parted accounts."""
    a, b = sides
    place, i, j = parted.T
    both = (i >= 0) & (j >= 0)
    same = both.copy()
    same[both] = (a.code[i[both]] == b.code[j[both]]) & (a.occurrence[i[both]] == b.occurrence[j[both]])
    rerouted = both & ~same
    of_plan = (j >= 0) & ~_asked_elsewhere(a, b, place, np.where(rerouted, j, -1))
    new, gone = (b.never(a, np.where(rerouted, j, -1)), a.never(b, np.where(rerouted, i, -1)))
    of_plan = np.where(new != gone, new, of_plan)
    code, occurrence = np.empty(len(place), np.int64), np.empty(len(place), np.int64)
    for side, rows, chosen in ((b, j, of_plan), (a, i, ~of_plan)):
        code[chosen], occurrence[chosen] = side.code[rows[chosen]], side.occurrence[rows[chosen]]
    index = found.index[place]
    found.loc[index, "decision"] = np.array(names, object)[code]
    found.loc[index, "occurrence"] = occurrence
    found.loc[index, "how"] = np.select([same, both], [OUTCOME, ROUTE], TIMING)
    for side, rows, shown, name in ((a, i, same | ~of_plan, "base"), (b, j, same | of_plan, "plan")):
        at = np.flatnonzero(shown & (rows >= 0))
        for column in ("time", "p", "u"):
            found.loc[index[at], f"{column}_{name}"] = getattr(side, column)[rows[at]]


def _asked_elsewhere(a: _Sequence, b: _Sequence, place: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Whether what ``b`` asked in its rows (-1: nothing) was asked of the account by ``a`` as well."""
    asked = np.zeros(len(place), bool)
    at = np.flatnonzero(rows >= 0)
    if at.size:
        wanted = pd.MultiIndex.from_arrays([place[at], b.code[rows[at]], b.occurrence[rows[at]]])
        asked[at] = wanted.isin(a.asked())
    return asked


def _settle_monthly(found: pd.DataFrame, base: Tables, plan: Tables, course: Course) -> None:
    """Departures that the other run's account outlived are outcomes."""
    rows = found[(found["how"] == TIMING) & found["decision"].isin(course.monthly)]
    if rows.empty:
        return
    last = max(_last_closing(tables["ledger"]) for tables in (base, plan))
    for leaves, stays, column in ((base, plan, "time_base"), (plan, base, "time_plan")):
        gone = rows[rows[column].notna()]
        if not gone.empty:
            stop, months = _stay(leaves["events"], gone.index.to_numpy(), gone[column].to_numpy())
            other, since = _present(stays["events"], gone.index.to_numpy())
            outlived = (stop == other) & (last - since + 1 >= months)
            found.loc[gone.index[outlived], "how"] = OUTCOME


def months_of(timestamps: np.ndarray) -> np.ndarray:
    """Numbers of calendar months, ascending in time."""
    return timestamps.astype("datetime64[M]").astype(np.int64)


def _last_closing(ledger: pd.DataFrame) -> int:
    """The last month that was closed: something is posted in its last minute."""
    stamps = ledger["timestamp"].to_numpy("datetime64[us]")
    closing = stamps[months_of(stamps) != months_of(stamps + _MINUTE)]
    return int(months_of(closing).max(initial=-1))


def _visits(events: pd.DataFrame, accounts: np.ndarray) -> pd.DataFrame:
    """Rows of some accounts with the activities that a stay begins and ends with."""
    chosen = np.isin(events["account"].to_numpy(), accounts) & (
        codes_of(events["activity"], ("queued", "finished")) >= 0
    )
    return events.loc[chosen, ["account", "activity", "stage", "time", "timestamp", "note"]]


def _stay(events: pd.DataFrame, accounts: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stop that each account left at a time, and the monthly decisions it had been asked there."""
    visits = _visits(events, accounts)
    place = positions(accounts, visits["account"].to_numpy())
    at = visits[(visits["activity"] == "finished") & (visits["time"].to_numpy() == left[place])].iloc[::-1]
    stop = _by_account(accounts, at, at["stage"].astype(object).to_numpy())
    month_left = _by_account(accounts, at, months_of(at["timestamp"].to_numpy("datetime64[us]")))
    before = (visits["activity"] == "queued").to_numpy() & (visits["time"].to_numpy() <= left[place])
    entry = visits[before & (visits["stage"].astype(object).to_numpy() == stop[place])]
    entered = _by_account(accounts, entry, months_of(entry["timestamp"].to_numpy("datetime64[us]")))
    pairs = zip(month_left, entered, strict=True)
    return stop, np.array([np.inf if None in pair else pair[0] - pair[1] + 1 for pair in pairs], float)


def _present(events: pd.DataFrame, accounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stop at which each account is at the horizon, and the month in which it came there (infinite: nowhere)."""
    visits = _visits(events, accounts)
    here = visits[(visits["activity"] == "queued") & (visits["note"] == "open")]
    stop = _by_account(accounts, here, here["stage"].astype(object).to_numpy())
    since = _by_account(accounts, here, months_of(here["timestamp"].to_numpy("datetime64[us]")))
    return stop, np.array([np.inf if month is None else month for month in since], float)


def _by_account(accounts: np.ndarray, rows: pd.DataFrame, values: Iterable[object]) -> np.ndarray:
    """Values of the last row of each account, None where there is none."""
    found = np.full(len(accounts), None, object)
    found[positions(accounts, rows["account"].to_numpy())] = values
    return found
