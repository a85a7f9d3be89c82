"""Tables of a replication as they stood at a cutoff, rebuilt from what had happened before it.

A run folder tells the whole story: how a deal ended, when a contract was given up. Who fits a forecast at a cutoff
must not have read that. Here rows of events, decisions and postings before the cutoff are kept, and whatever a table
sums up over them (last stage, owner, customer or not, outcome and reason of a deal, end of a contract, visits that
were open) is worked out again from the rows that were kept. A date of the past is a fact and is kept; one that lies
ahead is taken away with all that follows from it.

The result equals the tables of a run that ended at the cutoff (rows before it: a run does not see its last instant),
with these exceptions, which tables cannot tell:

* ``staffing``: a month that the cutoff breaks is left out. How many hours its desks offered depends on the working
  calendar, which is no table. Cut at the end of a month and nothing is missing.
* amounts of deals that were open when a run started from a state: those signed after the cutoff have none.
* names that no row bears: a category column keeps the names of the whole run.

Floating sums of visits (mean waits) may differ in the last digits, as a run adds them up in the order of their ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analysis.metrics.columns import coded, codes_of
from analysis.tables import COLUMNS, Tables
from sim.events import ACTIVITIES, ACTIVITY_CODE
from sim.units import GRID, MICROSECONDS_PER_DAY

if TYPE_CHECKING:
    import pandas as pd

UNRESOLVED: dict[str, str] = {"staffing": "months that the cutoff breaks"}
"""What tables cannot tell, by table."""

FIRSTS: dict[str, tuple[str, ...]] = {
    "accounts": (
        "touched_at", "registered_at", "qualified_at", "opened_at", "signed_at", "activated_at", "paid_at",
    ),
    "opportunities": ("qualified_at", "met_at", "proposed_at"),
}  # fmt: skip
"""Columns that hold the first time of something: once known, known for good."""

_VISIT = ("queued", "started", "finished")
_NO_STEP = ("touched", "invoiced", "paid", "overdue", "written_off")
_LOST = ("lost", "disqualified", "pooled")
_NEVER = np.iinfo(np.int64).max


def as_of(tables: Tables, time: float) -> Tables:
    """Tables of one replication as they stood at a cutoff.

    Parameters
    ----------
    tables : Tables
        Of one replication, to any later time.
    time : float
        Cutoff in days from the start of the horizon; what happens at this very instant is not known yet.

    Returns
    -------
    Tables
        Made when they are asked for. ``metrics`` are not among them: they are computed from the others.

    Raises
    ------
    ValueError
        If the tables hold several replications, deals or contracts without an event log, or neither events nor
        postings to tell the date of the start.
    KeyError
        When ``metrics`` are asked for.
    """
    if len(tables.replications()) > 1:
        raise ValueError("tables as of a cutoff are of one replication, got several; take Tables.replication(number)")
    if not len(tables["events"]) and len(tables["opportunities"]) + len(tables["subscriptions"]):
        raise ValueError("tables as of a cutoff are rebuilt from the event log, which is empty; keep the table events")
    return Tables(_Past(tables, float(time), _origin(tables)).table)


def _origin(tables: Tables) -> np.datetime64:
    """The instant 0, read off a row that has both its time and its timestamp."""
    for name in ("ledger", "events"):
        frame = tables[name]
        if len(frame):
            return _instant(frame)
    raise ValueError("tables as of a cutoff: there is neither an event nor a posting that tells the date of the start")


def _instant(frame: pd.DataFrame) -> np.datetime64:
    days = np.timedelta64(round(float(frame["time"].iloc[0]) * MICROSECONDS_PER_DAY), "us")
    return np.datetime64(frame["timestamp"].to_numpy("datetime64[us]")[0] - days, "us")


def opened_at(tables: Tables) -> np.datetime64 | None:
    """The instant at which a run started from a state, None for one of whose past nothing is logged.

    Of what lies before it only those are known that were still there: rates must not be read off it.
    """
    events = tables["events"]
    past = events[events["time"].to_numpy(float) < 0]
    return _instant(past) if len(past) else None


@dataclass(frozen=True, eq=False)
class _Past:
    """One replication cut at a time."""

    whole: Tables
    time: float
    origin: np.datetime64

    def table(self, name: str) -> pd.DataFrame:
        makers: dict[str, Callable[[], pd.DataFrame]] = {
            "accounts": self.accounts,
            "opportunities": self.opportunities,
            "subscriptions": self.subscriptions,
            "events": lambda: self.events,
            "decisions": lambda: self.before("decisions"),
            "ledger": lambda: self.before("ledger"),
            "monthly": lambda: self.months("monthly"),
            "staffing": lambda: self.months("staffing"),
        }
        if name not in makers:
            raise KeyError(f"table {name} as of a cutoff is computed from the other tables")
        return makers[name]()

    def before(self, name: str) -> pd.DataFrame:
        frame = self.whole[name]
        return frame[frame["time"].to_numpy(float) < self.time].reset_index(drop=True)

    def begun(self, name: str, column: str) -> pd.DataFrame:
        """Rows whose date in a column is of the past."""
        frame = self.whole[name]
        return frame[self.past(frame[column])].reset_index(drop=True)

    def months(self, name: str) -> pd.DataFrame:
        """Rows of months that were over: the last day, which they are dated by, has passed."""
        frame = self.whole[name]
        over = (frame["ds"].to_numpy("datetime64[us]") - self.origin) / np.timedelta64(1, "D") + 1 <= self.time
        return frame[over].reset_index(drop=True)

    def ticks(self, column: pd.Series) -> np.ndarray:
        """Dates on the time grid, counted from the start; null ones never come."""
        days = (column.to_numpy("datetime64[us]") - self.origin) / np.timedelta64(1, "D")
        ticks = np.rint(np.nan_to_num(days) / GRID).astype(np.int64)
        return np.where(np.isnan(days), _NEVER, ticks)

    def past(self, column: pd.Series) -> np.ndarray:
        return np.asarray(self.ticks(column) < self.time / GRID)

    def known(self, frame: pd.DataFrame, columns: tuple[str, ...]) -> dict[str, pd.Series]:
        """Dates of the past; those ahead become null."""
        return {column: frame[column].where(self.past(frame[column])) for column in columns}

    @cached_property
    def events(self) -> pd.DataFrame:
        frame = self.before("events")
        note, names = coded(frame["note"])
        names = names if "open" in names else (*names, "open")
        note[note == names.index("open")] = -1
        note[_under_way(frame)] = names.index("open")
        return frame.assign(note=_categories(note, names))

    @cached_property
    def line(self) -> _Line:
        return _Line(self.events)

    def accounts(self) -> pd.DataFrame:
        frame, events, line = self.whole["accounts"], self.events, self.line
        last = line.last_by(_places(frame["account"], line.account), len(frame))
        seen = (last(np.arange(len(line.tick))) >= 0) | self.gone_before
        visit = last(np.intersect1d(_under_way(events), line.staged))
        deal = last(line.rows("signed", "churned"))
        stage, names = coded(events["stage"])
        stage = np.where(visit < 0, np.where(seen, len(names), -1), np.append(stage, -1)[visit])
        return frame.assign(
            **self.known(frame, FIRSTS["accounts"]),
            channel=frame["channel"].where(seen),
            owner=_picked(events["owner"], last(line.owned)),
            last_stage=_categories(stage, (*names, "end")),
            churned_at=_dates(events, last(line.rows("churned"))),
            customer=np.isin(deal, line.rows("signed")),
        )[list(COLUMNS["accounts"])]

    @property
    def gone_before(self) -> np.ndarray:
        """Whether accounts had left before the first day: they are at the end, and no row tells of a step there."""
        accounts, events = self.whole["accounts"], self.whole["events"]
        steps = events["account"][codes_of(events["activity"], _NO_STEP) < 0]
        told = accounts["account"].isin(steps).to_numpy()
        return np.asarray(~told & (codes_of(accounts["last_stage"], ("end",)) == 0))

    def opportunities(self) -> pd.DataFrame:
        frame, events = self.begun("opportunities", "opened"), self.events
        deals = self.line.deals(frame["account"].to_numpy(), self.ticks(frame["opened"]))
        won = np.where(deals.won, deals.closing, -1)
        outcome = np.where(deals.closing < 0, 0, np.where(deals.won, 1, 2))
        worth = frame["amount"].where((self.ticks(frame["opened"]) < 0) & (frame["outcome"] != "won").to_numpy())
        return frame.assign(
            **self.known(frame, FIRSTS["opportunities"]),
            owner=_picked(events["owner"], deals.last(self.line.owned)),
            stage=_picked(events["stage"], deals.last(self.line.staged)),
            amount=worth.where(
                ~deals.won,
                events["amount"].array.take(
                    np.where(deals.won, deals.last(self.line.rows("signed")), -1), allow_fill=True
                ),
            ),
            signed_at=_dates(events, won),
            closed=_dates(events, deals.closing),
            outcome=_categories(outcome, ("open", "won", "lost")),
            reason=_picked(events["note"], np.where(outcome == 2, deals.last(self.line.rows("lost")), -1)),
        )[list(COLUMNS["opportunities"])]

    def subscriptions(self) -> pd.DataFrame:
        frame = self.begun("subscriptions", "start")
        over, (outcome, names) = self.past(frame["ended"]), coded(frame["outcome"])
        names = names if "open" in names else (*names, "open")
        return frame.assign(
            ended=frame["ended"].where(over), outcome=_categories(np.where(over, outcome, names.index("open")), names)
        )


def _under_way(events: pd.DataFrame) -> np.ndarray:
    """Rows at which visits stand that nobody finished: an account is at one stop at a time on its own journey, and at
    one for every product that it is being offered (rows without a stage)."""
    visit = codes_of(events["activity"], _VISIT)
    rows = np.flatnonzero(visit >= 0)
    product, names = coded(events["product"])
    way = np.where(events["stage"].isna(), product + 1, 0)
    key = events["account"].to_numpy() * (len(names) + 1) + way
    _, back = np.unique(key[rows][::-1], return_index=True)
    last = np.sort(rows[::-1][back])
    return last[visit[last] != _VISIT.index("finished")]


@dataclass(frozen=True, eq=False)
class _Deals:
    """Deals among the events: opening and closing row (-1 while open) of each, and whether it was won."""

    line: _Line
    journey: np.ndarray
    opening: np.ndarray
    closing: np.ndarray
    won: np.ndarray

    def last(self, rows: np.ndarray) -> np.ndarray:
        """The last of some rows from the opening to the closing of each deal, -1 where there is none."""
        until = np.where(self.closing < 0, len(self.line.tick), self.closing)
        span = np.full((2, self.line.journeys), -1)
        span[0, self.journey], span[1, self.journey] = self.opening, until
        mine = self.line.journey[rows]
        inside = rows[(rows >= span[0, mine]) & (rows <= span[1, mine])]
        return self.line.last_by(self.line.journey, self.line.journeys)(inside)[self.journey]


class _Line:
    """Events as arrays, and the journey that each belongs to: from a first contact or a return to the next return."""

    def __init__(self, events: pd.DataFrame) -> None:
        self.account = events["account"].to_numpy()
        self.tick = np.rint(events["time"].to_numpy(float) / GRID).astype(np.int64)
        self.activity = codes_of(events["activity"], ACTIVITIES)
        self.owned = np.flatnonzero(events["owner"].notna())
        self.staged = np.flatnonzero(events["stage"].notna())
        order = np.argsort(self.account, kind="stable")
        begins = np.isin(order, self.rows("re_entered", "won_back"))
        begins |= np.diff(self.account[order], prepend=-1) != 0
        self.journey = np.empty(len(order), np.int64)
        self.journey[order] = np.cumsum(begins) - 1
        self.begin = order[begins]
        self.journeys = len(self.begin)

    def rows(self, *activities: str) -> np.ndarray:
        """Rows of some activities, in order of time."""
        return np.flatnonzero(np.isin(self.activity, [ACTIVITY_CODE[name] for name in activities]))

    @staticmethod
    def last_by(key: np.ndarray, n: int) -> Callable[[np.ndarray], np.ndarray]:
        """What finds the last of some rows for every value of a key below `n`, -1 where there is none."""

        def last(rows: np.ndarray) -> np.ndarray:
            found = np.full(n, -1)
            found[key[rows]] = rows
            return found

        return last

    def deals(self, account: np.ndarray, opened: np.ndarray) -> _Deals:
        """The deals of some accounts that opened at some ticks, each in the last journey that had begun by then."""
        lowest = min(self.tick.min(initial=0), opened.min(initial=0))
        bits = int(max(self.tick.max(initial=0), opened.max(initial=0)) - lowest).bit_length()
        begun = self.account[self.begin] << bits | self.tick[self.begin] - lowest
        journey = np.searchsorted(begun, account << bits | opened - lowest, side="right") - 1
        since = np.full(self.journeys, _NEVER)
        since[journey] = opened
        opening = self._first(np.flatnonzero(self.tick == since[self.journey]))
        signed = self._first(self.rows("signed"))
        won = np.where(signed >= 0, np.append(self.tick, _NEVER)[signed], _NEVER)
        lost = self._lost(since)
        closed = np.minimum(won, lost)
        ends = self.rows("signed", *_LOST)
        closing = self._first(ends[self.tick[ends] == closed[self.journey[ends]]])
        return _Deals(self, journey, opening[journey], closing[journey], (won <= lost)[journey])

    def _lost(self, since: np.ndarray) -> np.ndarray:
        """Tick at which each journey was lost after its deal had opened: a refusal, or the pool."""
        lost = np.full(self.journeys, _NEVER)
        for activity in _LOST:
            last = self.last_by(self.journey, self.journeys)(self.rows(activity))
            tick = np.append(self.tick, -_NEVER)[last]
            lost = np.where((tick >= since) & (tick < lost), tick, lost)
        return lost

    def _first(self, rows: np.ndarray) -> np.ndarray:
        return self.last_by(self.journey, self.journeys)(rows[::-1])


def _categories(codes: np.ndarray, names: tuple[str, ...]) -> pd.Categorical:
    import pandas as pd

    return pd.Categorical.from_codes(codes.astype(np.int64), list(names))


def _picked(column: pd.Series, rows: np.ndarray) -> pd.Categorical:
    """Values of a column of categories at some rows, null at -1."""
    codes, names = coded(column)
    return _categories(np.append(codes, -1)[rows], names)


def _dates(events: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Timestamps of some rows, null at -1."""
    stamps = events["timestamp"].to_numpy("datetime64[us]")
    return np.asarray(np.append(stamps, np.datetime64("NaT", "us"))[rows])


def _places(column: pd.Series, wanted: np.ndarray) -> np.ndarray:
    """Rows at which a column of different numbers holds some of them."""
    order = np.argsort(column.to_numpy(), kind="stable")
    return np.asarray(order[np.searchsorted(column.to_numpy()[order], wanted)])
