"""Signatures from the deals that are open, and from the series' own forecast beyond their reach.

Open deals are followed through their stages on sample paths (``analysis.forecast.deals``). Deals that are not open yet
come from the series: of the signatures of the first, second, ... month after a cutoff a share came from deals open at
the cutoff, as rolling cutoffs of the past show, and the rest of the series' own forecast is kept. So the pipeline
counts where it reaches, and the series beyond.

A signature is worth what first contracts were worth, whatever the segment: deals of a stage are taken as alike, and
those of large customers, which would be worth more, are signed less often than others of their stage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from analysis.asof import opened_at
from analysis.forecast.contracts import outlook_of, steps_ahead
from analysis.forecast.deals import Pipeline, pipeline_of, visits_of
from analysis.forecast.fitted import Fitted
from analysis.metrics.columns import numbers
from analysis.tables import Tables
from sim.units import MINOR

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("signed", "new_customers", "new_mrr")
"""Series that open deals inform."""

SHARE_MONTHS = 12
"""Months of the past by which the share of open deals is measured unless told: all seasons once, and what is usual of
late. Assumption; [6, 24]."""

AT_ONCE = 0.5
"""Share of first contracts that must begin with a signature, or deals say nothing of when revenue begins."""


@dataclass(frozen=True, eq=False)
class Worth:
    """Recurring revenue per month, minor units, that first contracts brought; which open deals would bring a first."""

    mrr: np.ndarray
    first: np.ndarray

    def draw(self, deal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Values for some of the open deals."""
        return np.where(self.first[deal], rng.choice(self.mrr, len(deal)), 0.0)


@dataclass(frozen=True, eq=False)
class Known:
    """What deals tell at a cutoff.

    Attributes
    ----------
    pipeline : Pipeline
    opened, signed : int array
        Calendar months of the opening and the signature of the deals won so far, the month after the cutoff being 0.
    first : int
        Month of the first opening since all deals are known, lost ones included.
    worth : Worth or None
        None where recurring revenue does not begin with the signature.
    months : int
        Of the past by which the share of open deals is measured.
    """

    pipeline: Pipeline
    opened: np.ndarray
    signed: np.ndarray
    first: int
    worth: Worth | None
    months: int = SHARE_MONTHS

    def share(self, h: int) -> np.ndarray:
        """Of the signatures of the 1st to h-th month after a cutoff the share from deals open then, shape (h,).

        Measured over the last `months`, of cutoffs that came after the first opening; it never rises.
        """
        shares = np.zeros(h)
        for step in range(1, h + 1):
            chosen = (self.signed >= -self.months) & (self.signed - step >= self.first)
            if chosen.any():
                shares[step - 1] = np.mean(self.opened[chosen] <= self.signed[chosen] - step)
        return np.minimum.accumulate(shares)


def known_of(
    tables: Tables, cutoff: np.datetime64, months: int = SHARE_MONTHS, since: np.datetime64 | None = None
) -> Known:
    """What the deals of one replication tell as of the cutoff; ``since`` as in ``deals.visits_of``.

    Raises
    ------
    ValueError
        If a deal opens or closes after the cutoff.
    """
    deals, pipeline = tables["opportunities"], pipeline_of(visits_of(tables, cutoff, since))
    opened, closed, won = _months(deals["opened"], cutoff), _months(deals["closed"], cutoff), _won(deals)
    first, worth = int(opened.min(initial=0)), _worth(tables, pipeline.deal)
    if since is not None:
        first = max(first, int((since.astype("datetime64[M]") - cutoff.astype("datetime64[M]")).astype(np.int64)))
    return Known(pipeline, opened[won], closed[won], first, worth, months)


def _worth(tables: Tables, open_deals: np.ndarray) -> Worth | None:
    """Worth of deals; those of accounts that had recurring revenue before bring nothing new."""
    deals, contracts = tables["opportunities"], tables["subscriptions"]
    contracts = contracts[numbers(contracts["mrr"]) > 0].sort_values("start", kind="stable").drop_duplicates("account")
    signed = deals[_won(deals)].drop_duplicates("account").set_index("account")["closed"]
    start = contracts.set_index("account")["start"]
    if not len(start) or (start == signed.reindex(start.index)).mean() < AT_ONCE:
        return None
    known = deals["account"].iloc[open_deals].isin(start.index).to_numpy()
    return Worth(numbers(contracts["mrr"]), ~known)


def _won(deals: pd.DataFrame) -> np.ndarray:
    return (deals["outcome"].astype(str) == "won").to_numpy()


def _months(column: pd.Series, cutoff: np.datetime64) -> np.ndarray:
    months = column.to_numpy("datetime64[us]").astype("datetime64[M]") - cutoff.astype("datetime64[M]")
    return np.where(np.isnat(months), 0, months.astype(np.int64))


def informed_signed(tables: Tables, measure: str, months: int = SHARE_MONTHS) -> Callable[[Fitted], Fitted]:
    """What turns the forecast of a series of signatures into one that knows which deals are open.

    Parameters
    ----------
    tables : Tables
        Of one replication, as of the cutoff of the series (``analysis.asof.as_of``): opportunities,
        subscriptions and events.
    measure : str
        One of ``MEASURES``: what the series counts; ``new_mrr`` in major units.
    months : int
        Of the past by which the share of open deals in the signatures of each step is measured.

    Returns
    -------
    callable
        From the series' own ``Fitted`` to one of the same history. Where no deal is open or none was ever signed, or
        recurring revenue does not begin with the signature, the series' own is given back with a note. It raises
        ValueError where tables go beyond the end of the history. It can be pickled.

    Raises
    ------
    ValueError
        If the measure is none of them.
    """
    if measure not in MEASURES:
        raise ValueError(f"open deals inform {', '.join(MEASURES)}, got {measure!r}")
    arrivals = (tables["events"]["activity"] == "queued").to_numpy()
    own = {name: tables[name] for name in ("opportunities", "subscriptions")}
    known = Tables({**own, "events": tables["events"][arrivals]})
    return partial(_inform, partial(known_of, known, months=months, since=opened_at(tables)), measure)


def _inform(read: Callable[[np.datetime64], Known], measure: str, fitted: Fitted) -> Fitted:
    known = read(steps_ahead(fitted.history, 1)[0])
    reason = _silent(known, measure)
    if reason:
        return replace(fitted, note="; ".join(filter(None, (fitted.note, f"{reason}: open deals tell nothing"))))
    note = f"{len(known.pipeline.stage)} open deals, and {fitted.model} for those that open later"
    draw = partial(_paths, known, measure, fitted)
    outlook = partial(outlook_of, draw)
    return Fitted("pipeline", fitted.history, outlook, "; ".join(filter(None, (fitted.note, note))), draw)


def _silent(known: Known, measure: str) -> str:
    """Why deals tell nothing, empty if they do."""
    if not len(known.pipeline.stage) or not len(known.signed):
        return "no deal is open" if len(known.signed) else "no deal was signed so far"
    late = measure == "new_mrr" and known.worth is None
    return "recurring revenue does not begin with the signature" if late else ""


def _paths(known: Known, measure: str, fitted: Fitted, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Signatures of open deals, and of the series' own paths the share that open deals do not account for."""
    edges = steps_ahead(fitted.history, h)[1]
    signed = known.pipeline.simulate(edges[-1], paths, rng)
    path, deal = np.nonzero(np.isfinite(signed))
    at = path * h + np.searchsorted(edges, signed[path, deal], side="right")
    own, later = fitted.simulate(h, paths, rng), 1 - known.share(h)
    if measure == "new_mrr":
        assert known.worth is not None
        worth = known.worth.draw(deal, rng) / MINOR
        return np.bincount(at, worth, paths * h).reshape(paths, h) + own * later
    whole = np.floor(np.maximum(own, 0.0) + rng.random(own.shape)).astype(int)
    return np.bincount(at, minlength=paths * h).reshape(paths, h) + rng.binomial(whole, later).astype(float)
