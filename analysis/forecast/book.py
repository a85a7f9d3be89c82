"""Contracts at a cutoff: their terms, what was decided at the end of each and when, and the model fitted to that.

A *term* is what runs to one agreed end, however often its units changed; consecutive terms of an account and product
are a *spell*, and the age of a term is the number of renewals behind it in its spell. A contract without an end is one
of monthly terms, as its holder may leave in any month. A row that bears an amount and no end is a single order and
renews nothing. Renewals before the first row of a spell are not known; a spell counts from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.renewals import PRIOR_DECISIONS, Decisions, Renewals, fit_renewals
from analysis.metrics.columns import coded, numbers
from analysis.retention import kaplan_meier
from analysis.tables import Tables
from sim.units import DAYS_PER_MONTH

if TYPE_CHECKING:
    import pandas as pd

SHORT = 45.0
"""Days under which a term is monthly: between a month and the next usual term, a quarter."""

PRIOR_SLOPE = 0.5
"""Prior standard deviation of the slope of the logit of renewal on log revenue, unless told. Assumption; [0.2, 1]: in
19 of 20 businesses the odds of renewal change by a factor of at most ten from a customer to one of ten times its
revenue."""

RECENT = 365.25
"""Days of the past whose signatures stand for those to come: a year holds every season once."""


@dataclass(frozen=True, eq=False)
class Terms:
    """Terms of contracts in order of account, product and time, one element each.

    Attributes
    ----------
    start, end, ended : float array
        Days from the cutoff: beginning, agreed end (NaN: open-ended), actual end (NaN: in force).
    kept : bool array
        Whether what was decided last was to stay.
    age : int array
        Renewals behind it when it began.
    decided : int array
        Decisions taken in it: none in a term in force, one in a term that has ended, one for every month in which an
        open-ended contract was or could have been given up.
    mrr : float array
        Recurring revenue per month at its end or now, minor units; NaN without a fixed part.
    segment : int array
    spell : int array
        Place of the term that began the spell.
    monthly : bool array
        Whether the spell began with a term of about a month, or open-ended.
    """

    start: np.ndarray
    end: np.ndarray
    ended: np.ndarray
    kept: np.ndarray
    age: np.ndarray
    decided: np.ndarray
    mrr: np.ndarray
    segment: np.ndarray
    spell: np.ndarray
    monthly: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> Terms:
        return Terms(**{name: values[chosen] for name, values in vars(self).items()})

    @property
    def live(self) -> Terms:
        """Those in force."""
        return self[np.isnan(self.ended)]

    @property
    def length(self) -> np.ndarray:
        """Days from the start to the agreed end; a month for open-ended contracts."""
        return np.where(np.isnan(self.end), DAYS_PER_MONTH, self.end - self.start)

    def decisions(self) -> Decisions:
        """Decisions taken, by renewal."""
        last = self.age + self.decided
        size = int(last.max(initial=0))
        due = np.cumsum(np.bincount(self.age, minlength=size + 1) - np.bincount(last, minlength=size + 1))[:size]
        left = ~self.kept & (self.decided > 0)
        return Decisions(due.astype(float), due - np.bincount(last[left] - 1, minlength=size)[:size].astype(float))


def terms_of(tables: Tables, cutoff: np.datetime64) -> tuple[Terms, float]:
    """Terms of the contracts of one replication as of the cutoff, and the growth of their revenue per month.

    Raises
    ------
    ValueError
        If a contract begins or ends after the cutoff.
    """
    frame = tables["subscriptions"]
    renewable = frame["end"].notna() | frame["amount"].isna()
    frame = frame[renewable].sort_values(["account", "product", "start"], kind="stable", ignore_index=True)
    start, end, ended = (_days(frame[column], cutoff) for column in ("start", "end", "ended"))
    if (start > 0).any() or (ended > 0).any():
        raise ValueError("contracts begin or end after the cutoff: take the tables as of it (analysis.asof)")
    follows = _follows(frame, start, ended)
    same = follows & np.append(False, (end[1:] == end[:-1]) | np.isnan(end[1:]) & np.isnan(end[:-1]))[: len(end)]
    first, mrr = np.flatnonzero(~same), numbers(frame["mrr"])
    last = np.append(first[1:], len(frame))[: len(first)] - 1
    days = (start[first], end[first], ended[last])
    taken = _taken(frame["start"].iloc[first], frame["ended"].iloc[last], cutoff)
    segment = _segment(tables["accounts"], frame["account"].iloc[first])
    kept = (frame["outcome"].astype(str) != "churned").to_numpy()[last]
    found = _terms(days, follows[first], taken, {"kept": kept, "mrr": mrr[last], "segment": segment})
    return found, _growth(mrr, follows, np.where(np.isnan(ended), 0.0, ended) - start)


def _follows(frame: pd.DataFrame, start: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """Whether each row begins when the one before it ended, of the same account and product."""
    product, names = coded(frame["product"])
    owner = frame["account"].to_numpy() * (len(names) + 1) + product
    return np.append(False, (owner[1:] == owner[:-1]) & (start[1:] == ended[:-1]))[: len(frame)]


def _taken(begun: pd.Series, ended: pd.Series, cutoff: np.datetime64) -> np.ndarray:
    """Decisions of contracts if they are open-ended: one in every month that is over, and one when they end."""
    over = ended.notna().to_numpy()
    until = np.where(over, ended.to_numpy("datetime64[us]"), cutoff)
    months = until.astype("datetime64[M]") - begun.to_numpy("datetime64[M]")
    return months.astype(np.int64) + over


def _segment(people: pd.DataFrame, accounts: pd.Series) -> np.ndarray:
    """Codes of the segments of accounts, -1 where it is not known."""
    code = dict(zip(people["account"].tolist(), coded(people["segment"])[0].tolist(), strict=True))
    return np.array([code.get(account, -1) for account in accounts.tolist()], np.int64)


def _terms(
    days: tuple[np.ndarray, np.ndarray, np.ndarray], follows: np.ndarray, taken: np.ndarray, own: dict[str, np.ndarray]
) -> Terms:
    """Terms with their place in their spells; `follows` says whether one renews the one before it."""
    start, end, ended = days
    place, open_ended = np.arange(len(start)), np.isnan(end)
    opening = np.maximum.accumulate(np.where(follows, 0, place))
    short = np.where(open_ended, DAYS_PER_MONTH, end - start) < SHORT
    return Terms(
        start, end, ended,
        age=np.where(open_ended, 0, place - opening),
        decided=np.where(open_ended, taken, ~np.isnan(ended)),
        spell=opening,
        monthly=short[opening],
        **own,
    )  # fmt: skip


def _growth(mrr: np.ndarray, follows: np.ndarray, days: np.ndarray) -> float:
    """Change of recurring revenue from a row to the one that follows it, per unit of it and month in force."""
    change = np.diff(mrr, prepend=np.nan)[follows]
    base = np.nansum(mrr * days) / DAYS_PER_MONTH
    return float(np.nansum(change) / base) if base > 0 else 0.0


def _days(column: pd.Series, cutoff: np.datetime64) -> np.ndarray:
    return np.asarray((column.to_numpy("datetime64[us]") - cutoff) / np.timedelta64(1, "D"))


@dataclass(frozen=True, eq=False)
class Delay:
    """Days from the end of a term to its decision: values, ascending, and the share of terms decided up to each."""

    days: np.ndarray
    share: np.ndarray

    def draw(self, u: np.ndarray, waited: np.ndarray) -> np.ndarray:
        """Delays that are longer than what was waited already, from uniforms; 0 where none that long was seen."""
        before = np.append(0.0, self.share)[np.searchsorted(self.days, waited, side="right")]
        place = np.searchsorted(self.share, before + u * (1 - before), side="right")
        longer = np.append(self.days, np.nan)[np.minimum(place, len(self.days))]
        return np.where(longer > waited, longer, np.maximum(waited, 0.0))


def delay_of(terms: Terms) -> Delay:
    """Delays of terms with an agreed end; those past their end and undecided are censored."""
    seen = terms[~np.isnan(terms.end) & (~np.isnan(terms.ended) | (terms.end < 0))]
    if not len(seen.end):
        return Delay(np.zeros(1), np.ones(1))
    curve = kaplan_meier(np.where(np.isnan(seen.ended), 0.0, seen.ended) - seen.end, ~np.isnan(seen.ended))
    if not len(curve.time):
        return Delay(np.zeros(1), np.ones(1))
    return Delay(curve.time, np.append(1 - curve.value[:-1], 1.0))


@dataclass(frozen=True)
class Tilt:
    """How much likelier contracts of more recurring revenue are renewed, beside what their segment and age say.

    The logit of renewal rises by a slope per unit of the logarithm of revenue; there it is 0 at `centre`.

    Attributes
    ----------
    centre : float
        Of log revenue, minor units.
    slope, sd : float
        Posterior mean and standard deviation.
    """

    centre: float = 0.0
    slope: float = 0.0
    sd: float = 0.0

    def stay(self, chance: np.ndarray, mrr: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Chances of renewal tilted by revenue, with the slope at a standard normal draw; as they are without any."""
        from scipy.special import expit, logit

        above = np.log(np.where(mrr > 0, mrr, np.exp(self.centre))) - self.centre
        return np.asarray(expit(logit(chance) + (self.slope + self.sd * normal) * above))


def tilt_of(terms: Terms, renewals: dict[tuple[bool, int], Renewals], prior: float = PRIOR_SLOPE) -> Tilt:
    """Fit the slope to terms that were decided, by logistic regression with the fitted retention as offset.

    Its prior is normal about 0 with standard deviation `prior`; its posterior is taken as normal about the mode.
    """
    from scipy.special import expit, logit

    past = terms[(terms.decided > 0) & ~np.isnan(terms.end) & (terms.mrr > 0)]
    keys = zip(past.monthly.tolist(), past.segment.tolist(), past.age.tolist(), strict=True)
    chance = np.array([renewals[monthly, segment].curve.retention(age + 1)[-1] for monthly, segment, age in keys])
    if not len(chance):
        return Tilt()
    weight, value = chance * (1 - chance), np.log(past.mrr)
    centre = float(np.average(value, weights=weight))
    above, slope, information = value - centre, 0.0, 1.0
    for _ in range(50):
        stay = expit(logit(chance) + slope * above)
        information = float((above**2 * stay * (1 - stay)).sum()) + prior**-2
        slope += float(above @ (past.kept - stay) - slope / prior**2) / information
    return Tilt(centre, slope, information**-0.5)


@dataclass(frozen=True, eq=False)
class Book:
    """What contracts tell of renewals at a cutoff.

    Attributes
    ----------
    live, recent : Terms
        In force; and the first terms of spells that began in the last year, from which those to come are drawn.
    renewals : dict
        Fitted model by (monthly, segment), for kinds of terms of which any has been decided.
    delay : Delay
    growth : float
        Of recurring revenue in force, per month.
    span : float
        Days in which the recent ones began.
    tilt : Tilt
        By revenue.
    """

    live: Terms
    recent: Terms
    renewals: dict[tuple[bool, int], Renewals]
    delay: Delay
    growth: float
    span: float
    tilt: Tilt = Tilt()


def book_of(
    tables: Tables,
    cutoff: np.datetime64,
    prior_decisions: float = PRIOR_DECISIONS,
    prior_slope: float = PRIOR_SLOPE,
    since: np.datetime64 | None = None,
) -> Book:
    """Fit renewals by kind of term and segment.

    Parameters
    ----------
    tables : Tables
        Of one replication, as of the cutoff; accounts and subscriptions are read.
    cutoff : numpy.datetime64
        First instant that is not known.
    prior_decisions : float
        Decisions that all segments together count for in a segment with few renewal points.
    prior_slope : float
        Prior standard deviation of the slope of the logit of renewal on log revenue.
    since : numpy.datetime64, optional
        Instant before which only those contracts are known that were still in force then: they are renewed or given
        up like others, but do not say how many are signed.

    Raises
    ------
    ValueError
        If a contract begins or ends after the cutoff.
    """
    terms, growth = terms_of(tables, cutoff)
    renewals: dict[tuple[bool, int], Renewals] = {}
    for monthly in (False, True):
        kind = terms[terms.monthly == monthly]
        for segment in np.unique(kind.segment).tolist() if kind.decisions().points else ():
            own, others = (kind[chosen].decisions() for chosen in (kind.segment == segment, kind.segment != segment))
            renewals[monthly, segment] = fit_renewals(own, others, prior_decisions)
    first = float(terms.start.min(initial=-1.0))
    span = min(RECENT, -first if since is None else float((cutoff - since) / np.timedelta64(1, "D")))
    recent = terms[(terms.spell == np.arange(len(terms.spell))) & (terms.start > -span)]
    tilt = tilt_of(terms, renewals, prior_slope)
    return Book(terms.live, recent, renewals, delay_of(terms), growth, span, tilt)
