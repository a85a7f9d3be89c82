"""What a real funnel says of a market: conversion by channel, time to signature, leads by weekday.

Leads come from one file (id, date of first contact, channel), wins from another (id, time of signature). A
lead without a win is open, and censored when observation ends; it is never counted as lost.

Model: a lead of channel c signs at all with probability p_c, and if so after a lognormal number of days,
counted from the beginning of the day of first contact. Signatures happen on working days, so a win on a
weekday stands for a time between the close of the working day before and its own close. Both parts are
estimated together by maximum likelihood (a cure model, Boag 1949); channels are shrunk to the overall rate by
a beta prior whose weight is estimated from the spread between channels. The Kaplan-Meier curve is the check.

What is known on a date is all that may be used for a fit as of that date: ``Window.until`` cuts wins as well
as leads, so that later months stay a true hold-out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from analysis.retention import Curve, kaplan_meier
from sim.units import DAYS_PER_MONTH

if TYPE_CHECKING:
    import pandas as pd

CLOSE = 18 / 24
"""Part of the day after which a signature falls on the next working day."""

FRIDAY, SUNDAY = 4, 6
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

BLANK = "unknown"
"""Channel of a lead that has none."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the two files are and what their columns are called.

    ``timezone`` is that of the vendor; times of signature are stored in UTC, dates of first contact locally.
    """

    leads: str
    deals: str
    id: str = "mql_id"
    contact: str = "first_contact_date"
    channel: str = "origin"
    signed: str = "won_date"
    timezone: str = "America/Sao_Paulo"


@dataclass(frozen=True, kw_only=True)
class Window:
    """Leads first contacted from ``since`` to before ``before``, as known at the start of day ``until``."""

    since: str
    before: str
    until: str


@dataclass(frozen=True, eq=False)
class FunnelFit:
    """The estimates.

    Attributes
    ----------
    leads, wins : int
        What they rest on.
    conversion : float
        Share of leads that sign eventually.
    median_days, sigma : float
        Of the lognormal days from the day of first contact to the signature, among those who sign.
    channels : dict
        Eventual conversion by channel, shrunk.
    weight : float
        Leads that the overall rate counts for in every channel.
    contacts : dict
        Leads a month by channel.
    weekday : dict
        Leads by weekday over their mean.
    curve : Curve
        Kaplan-Meier share not signed yet, by days since first contact.
    """

    leads: int
    wins: int
    conversion: float
    median_days: float
    sigma: float
    channels: dict[str, float]
    weight: float
    contacts: dict[str, float]
    weekday: dict[str, float]
    curve: Curve = field(repr=False)

    def signed_within(self, days: float) -> float:
        """Share of leads that sign within ``days`` of first contact, by the fitted model."""
        return self.conversion * float(lognormal_cdf(np.array(days), np.log(self.median_days), self.sigma))


def read_funnel(source: Source) -> pd.DataFrame:
    """Leads with their wins.

    Returns
    -------
    pandas.DataFrame
        One row per lead: id, contact (local date), channel, signed (local time, NaT while open).

    Raises
    ------
    ValueError
        If a lead has several wins or an id occurs twice among the leads.
    """
    import pandas as pd

    leads = pd.read_csv(source.leads, dtype=str, keep_default_na=False)[[source.id, source.contact, source.channel]]
    deals = pd.read_csv(source.deals, dtype=str, keep_default_na=False)[[source.id, source.signed]]
    table = leads.merge(deals, on=source.id, how="left", validate="1:1")
    signed = pd.to_datetime(table[source.signed], utc=True).dt.tz_convert(source.timezone)
    return pd.DataFrame(
        {
            "id": table[source.id],
            "contact": pd.to_datetime(table[source.contact]),
            "channel": table[source.channel].replace("", BLANK),
            "signed": signed.dt.tz_localize(None),
        }
    )


def observed(funnel: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Leads of a window as known at its end.

    Returns
    -------
    pandas.DataFrame
        Columns channel, contact, signed (NaT if open then), days (to the signature or to the end of
        observation, from the beginning of the day of first contact, at least 0), won (bool).
    """
    import pandas as pd

    since, before, until = (pd.Timestamp(day) for day in (window.since, window.before, window.until))
    chosen = funnel[(funnel["contact"] >= since) & (funnel["contact"] < before)]
    signed = chosen["signed"].where(chosen["signed"] < until)
    days = (signed.fillna(until) - chosen["contact"]) / pd.Timedelta(days=1)
    table = chosen[["channel", "contact"]].assign(signed=signed, days=days.clip(lower=0), won=signed.notna())
    return table.reset_index(drop=True)


def fit_funnel(funnel: pd.DataFrame, window: Window) -> FunnelFit:
    """Estimate conversion, time to signature and the week from the leads of a window."""
    table = observed(funnel, window)
    won = table["won"].to_numpy()
    low, high = brackets(table)
    conversion, mu, sigma = fit_cure(won, low, high)
    seen = np.where(won, 1.0, lognormal_cdf(high, mu, sigma))
    channels, weight = shrink(table["channel"].to_numpy(str), won, seen, conversion)
    return FunnelFit(
        leads=len(table),
        wins=int(won.sum()),
        conversion=conversion,
        median_days=float(np.exp(mu)),
        sigma=sigma,
        channels=channels,
        weight=weight,
        contacts=per_month(table["channel"], window),
        weekday=week(table["contact"], window),
        curve=kaplan_meier(table["days"].to_numpy(), won),
    )


def brackets(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Days between which the buyer's decision fell, of a table of ``observed``.

    For an open lead the upper bound is where observation ended.
    """
    import pandas as pd

    won = table["won"].to_numpy()
    weekday = table["signed"].dt.day_of_week.to_numpy()
    day = ((table["signed"].dt.normalize() - table["contact"]) / pd.Timedelta(days=1)).to_numpy()
    back = np.where(weekday == 0, SUNDAY - FRIDAY + 1, np.where(weekday == SUNDAY, 2, 1))
    low = np.maximum(day - back + CLOSE, 0.0)
    high = np.maximum(day, 0.0) + CLOSE
    return np.where(won, low, 0.0), np.where(won, high, table["days"].to_numpy() - 1 + CLOSE)


def lognormal_cdf(days: np.ndarray, mu: float, sigma: float) -> np.ndarray:
    """Share of lognormal times not above ``days``; 0 at and below 0."""
    from scipy.special import ndtr

    with np.errstate(divide="ignore"):
        return ndtr((np.log(np.maximum(days, 0.0)) - mu) / sigma)


def fit_cure(won: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[float, float, float]:
    """Maximum likelihood of the share that signs and of mu and sigma of its lognormal days.

    Parameters
    ----------
    won : bool array
    low, high : float array
        Bounds of the time of a win; ``high`` of an open lead is how long it was seen.

    Returns
    -------
    tuple of float
        (share, mu, sigma).

    Raises
    ------
    ValueError
        If nothing or everything was won, or the likelihood has no maximum.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    if not 0 < won.sum() < len(won):
        raise ValueError("a fit needs leads that were won and leads that are open")

    def loss(theta: np.ndarray) -> float:
        share, sigma = expit(theta[0]), np.exp(theta[2])
        upper, lower = (lognormal_cdf(bound, theta[1], sigma) for bound in (high, low))
        chance = np.where(won, share * (upper - lower), 1 - share * upper)
        return -float(np.log(np.maximum(chance, 1e-300)).sum())

    start = [np.log(won.mean() / (1 - won.mean())), np.log(np.median(high[won])), 0.0]
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000})
    if not found.success:
        raise ValueError(f"the time to signature could not be fitted: {found.message}")
    return float(expit(found.x[0])), float(found.x[1]), float(np.exp(found.x[2]))


def shrink(channel: np.ndarray, won: np.ndarray, seen: np.ndarray, overall: float) -> tuple[dict[str, float], float]:
    """Eventual conversion by channel, pulled to the overall rate where a channel is small.

    Parameters
    ----------
    channel, won : arrays of str and of bool, a lead each
    seen : float array
        Share of the eventual signatures of such a lead that would have been seen; 1 for a win.
    overall : float
        Eventual conversion of all leads.

    Returns
    -------
    channels : dict
        (wins + weight * overall) / (leads seen in full + weight), by channel.
    weight : float
        The weight of largest beta-binomial likelihood between 1 and 100,000 leads.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import betaln

    names, place = np.unique(channel, return_inverse=True)
    wins, size = np.bincount(place, won), np.bincount(place, seen)

    def loss(log_weight: float) -> float:
        a, b = np.exp(log_weight) * overall, np.exp(log_weight) * (1 - overall)
        return -float((betaln(wins + a, size - wins + b) - betaln(a, b)).sum())

    weight = float(np.exp(minimize_scalar(loss, bounds=(0.0, np.log(1e5)), method="bounded").x))
    rates = (wins + weight * overall) / (size + weight)
    return dict(zip(names.tolist(), rates.tolist(), strict=True)), weight


def per_month(channel: pd.Series, window: Window) -> dict[str, float]:
    """Leads a month by channel."""
    days = (np.datetime64(window.before) - np.datetime64(window.since)) / np.timedelta64(1, "D")
    return {str(name): count * DAYS_PER_MONTH / days for name, count in channel.value_counts().items()}


def week(contact: pd.Series, window: Window) -> dict[str, float]:
    """Leads per day by weekday, over the mean of the seven."""
    import pandas as pd

    calendar = pd.date_range(window.since, window.before, inclusive="left")
    per_day = np.bincount(contact.dt.day_of_week, minlength=7) / np.bincount(calendar.day_of_week, minlength=7)
    return dict(zip(WEEKDAYS, (per_day / per_day.mean()).tolist(), strict=True))
