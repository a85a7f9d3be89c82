"""Deals by stage: how long they stay in each, and where they go from there.

From every stage a deal moves to another one, is signed, or is lost: competing risks, whose hazards by day of stage age
are estimated from all visits of the stage so far (Aalen & Johansen). Of a deal that is open the present stage is
censored, it is never counted as lost; one that has been in its stage for a time is compared with those that stayed as
long. Given its stage and the time spent there, the past of a deal is taken to say no more (a semi-Markov chain). What
is not known of the hazards is drawn by the Bayesian bootstrap over deals (Rubin 1981, Annals of Statistics 9); a draw
holds for all deals of a path.

Stages are the stops at which the event log shows a deal; without a log they are the dates of the opportunities table.

Not modelled: queues, which make deals wait for each other, and differences between deals of one stage and age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.metrics.columns import coded, codes_of
from analysis.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

SIGNED, LOST, OPEN = -1, -2, -3
"""Where a visit of a stage led, beside other stages."""

DRAWS = 50
"""Bootstrap draws of the hazards."""

_MOVES = 100
"""Stages that a deal passes at most within the horizon."""

_DATES = ("opened", "qualified_at", "met_at", "proposed_at")


@dataclass(frozen=True, eq=False)
class Visits:
    """Visits of stages by deals, one element each, and what became of them.

    Attributes
    ----------
    deal, stage : int array
    entered, left : float array
        Days from the cutoff; `left` is 0 while the visit lasts.
    to : int array
        The next stage, ``SIGNED``, ``LOST`` or ``OPEN``.
    unseen : float array or None
        Days that had passed in the stage before anything was known; None: of all the whole visit is known.
    """

    deal: np.ndarray
    stage: np.ndarray
    entered: np.ndarray
    left: np.ndarray
    to: np.ndarray
    unseen: np.ndarray | None = None

    def observed(self, stage: int) -> np.ndarray:
        """Visits of a stage, without those that were over before anything was known."""
        mine = self.stage == stage
        if self.unseen is not None:
            mine &= self.left - self.entered > self.unseen
        return np.flatnonzero(mine)


@dataclass(frozen=True, eq=False)
class Exits:
    """Exits of one stage: durations, ascending, where each led, and the share gone up to each, a row per draw."""

    days: np.ndarray
    to: np.ndarray
    share: np.ndarray

    def draw(self, row: np.ndarray, u: np.ndarray, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Duration and destination of visits that have lasted for `age`, from uniforms.

        Those that outlast all that was seen never end (infinite, ``OPEN``).
        """
        draws, exits = self.share.shape
        padded = np.concatenate((np.zeros((draws, 1)), self.share), axis=1)
        before = padded[row, np.searchsorted(self.days, age, side="right")]
        stacked = (self.share + np.arange(draws)[:, None]).ravel()
        wanted = row + before + u * (1 - before)
        place = np.clip(np.searchsorted(stacked, wanted, side="right") - row * exits, 0, exits)
        return np.append(self.days, np.inf)[place], np.append(self.to, OPEN)[place]


def exits_of(visits: Visits, weight: np.ndarray) -> dict[int, Exits]:
    """Exits of every stage.

    Parameters
    ----------
    visits : Visits
    weight : float array (draws, deals)
        Weights of deals, positive.

    Returns
    -------
    dict of int to Exits
        The share gone is one less the Kaplan-Meier survival of staying; exits come before censorings of equal time.
        A visit counts as at risk from when it is known of (delayed entry).
    """
    found = {}
    for stage in np.unique(visits.stage).tolist():
        mine = visits.observed(stage)
        days, ended = (visits.left - visits.entered)[mine], visits.to[mine] != OPEN
        mine = mine[np.lexsort((~ended, days))]
        ended, each = visits.to[mine] != OPEN, weight[:, visits.deal[mine]]
        at_risk = np.cumsum(each[:, ::-1], axis=1)[:, ::-1]
        days = (visits.left - visits.entered)[mine]
        if visits.unseen is not None:
            at_risk = np.maximum(at_risk - _not_yet(visits.unseen[mine], each, days), each)
        stay = np.cumprod(np.where(ended, 1 - each / at_risk, 1.0), axis=1)
        found[stage] = Exits(days[ended], visits.to[mine][ended], 1 - np.maximum(stay[:, ended], 0.0))
    return found


def _not_yet(unseen: np.ndarray, each: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Weight (draws, visits) of what was not yet known of at each of some ages."""
    order = np.argsort(unseen, kind="stable")
    known = np.concatenate((np.zeros((len(each), 1)), np.cumsum(each[:, order], axis=1)), axis=1)
    place = np.searchsorted(unseen[order], days, side="left")
    return np.where(days > 0, known[:, -1:] - known[:, place], 0.0)


@dataclass(frozen=True, eq=False)
class Pipeline:
    """Deals open at a cutoff, and what their stages lead to.

    Attributes
    ----------
    deal, stage : int array (deals,)
        Row of the opportunities table, and stage.
    age : float array (deals,)
        Days in the stage.
    exits : dict of int to Exits
        By stage, with ``DRAWS`` rows.
    """

    deal: np.ndarray
    stage: np.ndarray
    age: np.ndarray
    exits: dict[int, Exits]

    def simulate(self, until: float, paths: int, rng: np.random.Generator) -> np.ndarray:
        """Days until each deal is signed, infinite where that is not before `until`, shape (paths, deals)."""
        deals = len(self.stage)
        stage, age = np.tile(self.stage, paths), np.tile(self.age, paths)
        row = np.repeat(rng.integers(DRAWS, size=paths), deals)
        now, signed = np.zeros(paths * deals), np.full(paths * deals, np.inf)
        for _ in range(_MOVES):
            under_way = np.flatnonzero((stage >= 0) & (now < until))
            if not len(under_way):
                break
            for code in np.unique(stage[under_way]).tolist():
                mine = under_way[stage[under_way] == code]
                lasts, to = self.exits[code].draw(row[mine], rng.random(len(mine)), age[mine])
                now[mine] += lasts - age[mine]
                stage[mine] = to
            signed[under_way] = np.where(stage[under_way] == SIGNED, now[under_way], np.inf)
            age[under_way] = 0.0
        return np.where(signed < until, signed, np.inf).reshape(paths, deals)


def visits_of(tables: Tables, cutoff: np.datetime64, since: np.datetime64 | None = None) -> Visits:
    """Visits of stages by the deals of one replication as of the cutoff.

    Before ``since`` only those visits are known that were still under way then.

    Raises
    ------
    ValueError
        If a deal opens or closes after the cutoff.
    """
    deals = tables["opportunities"]
    opened, closed = _days(deals["opened"], cutoff), _days(deals["closed"], cutoff)
    if (opened > 0).any() or (closed > 0).any():
        raise ValueError("deals open or close after the cutoff: take the tables as of it (analysis.asof)")
    over = np.where(np.isnan(closed), np.inf, closed)
    deal, stage, entered = _from_log(tables, cutoff) if _logged(tables) else _from_dates(deals, cutoff)
    kept = (entered >= opened[deal]) & (entered < over[deal])
    order = np.flatnonzero(kept)[np.lexsort((entered[kept], deal[kept]))]
    deal, stage, entered = deal[order], stage[order], entered[order]
    last = np.append(deal[1:] != deal[:-1], True)[: len(deal)]
    won = codes_of(deals["outcome"], ("won",))[deal] == 0
    end = np.where(np.isnan(closed), OPEN, LOST)[deal]
    to = np.where(last, np.where(won & (end != OPEN), SIGNED, end), np.append(stage[1:], OPEN)[: len(stage)])
    left = np.where(last, np.minimum(over[deal], 0.0), np.append(entered[1:], 0.0)[: len(stage)])
    if since is None:
        return Visits(deal, stage, entered, left, to)
    start = float((since - cutoff) / np.timedelta64(1, "D"))
    return Visits(deal, stage, entered, left, to, np.maximum(start - entered, 0.0))


def _logged(tables: Tables) -> bool:
    return bool((tables["events"]["activity"] == "queued").any())


def _from_log(tables: Tables, cutoff: np.datetime64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Deal, stage and time of all arrivals at stops that are later than the opening of a deal of the account."""
    from pandas import merge_asof

    deals, log = tables["opportunities"], tables["events"]
    log = log[(log["activity"] == "queued").to_numpy() & log["stage"].notna().to_numpy()]
    opened = deals[["account", "opened"]].assign(deal=np.arange(len(deals))).sort_values("opened", kind="stable")
    rows = log[["account", "timestamp"]].assign(stage=coded(log["stage"])[0]).sort_values("timestamp", kind="stable")
    found = merge_asof(rows, opened, left_on="timestamp", right_on="opened", by="account").dropna(subset="deal")
    return found["deal"].to_numpy(np.int64), found["stage"].to_numpy(np.int64), _days(found["timestamp"], cutoff)


def _from_dates(deals: pd.DataFrame, cutoff: np.datetime64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    entered = np.stack([_days(deals[name], cutoff) for name in _DATES])
    stage, deal = np.nonzero(~np.isnan(entered))
    return deal, stage, entered[stage, deal]


def _days(column: pd.Series, cutoff: np.datetime64) -> np.ndarray:
    return np.asarray((column.to_numpy("datetime64[us]") - cutoff) / np.timedelta64(1, "D"))


def pipeline_of(visits: Visits) -> Pipeline:
    """The deals that are open, and the exits of all stages."""
    weights = np.random.default_rng(0)
    deals = int(visits.deal.max(initial=-1)) + 1
    now = visits.to == OPEN
    exits = exits_of(visits, weights.exponential(size=(DRAWS, deals)))
    return Pipeline(visits.deal[now], visits.stage[now], -visits.entered[now], exits)
