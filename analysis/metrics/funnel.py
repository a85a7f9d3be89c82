"""The funnel: contacts, leads, steps, conversions, times, deals, the lost pool."""

from __future__ import annotations

import numpy as np

from analysis.metrics.columns import codes_of
from analysis.metrics.cube import TOTAL, Cells, Cube, divide, flow, ratio, stock
from analysis.metrics.log import RE_ENTERED, WON_BACK
from analysis.metrics.periods import HORIZON
from analysis.metrics.registry import metric
from analysis.metrics.view import CHANNEL, SEGMENT, View, once
from analysis.metrics.waiting import COHORTS, Waiting, by_cohort, median_end, median_wait, medians, share, waiting

STEPS: tuple[str, ...] = ("lead", "qualified", "opportunity", "conversion", "activation")
"""Milestones in the order of the funnel."""

_NAMES = {"lead": "lead", "qualified": "qualified", "opportunity": "opportunity", "conversion": "signed",
          "activation": "activated"}  # fmt: skip
_COUNTS = {"lead_journeys": "lead", "qualified": "qualified", "opportunities": "opportunity", "signed": "conversion",
           "activated": "activation"}  # fmt: skip
_PAIRS = (
    ("lead", "qualified"), ("qualified", "opportunity"), ("lead", "opportunity"), ("opportunity", "conversion"),
    ("lead", "conversion"), ("conversion", "activation"),
)  # fmt: skip
_LEAD_MONTHS = 24
_AJ = "open ones censored (Aalen-Johansen); a cohort's year is that of its beginning"


def reached(view: View, step: str) -> np.ndarray:
    """Time at which each journey first passed a milestone, NaN if it did not."""
    return view.log.first(view.context.milestones[step])


@once
def between(view: View, start: str, end: str) -> Waiting:
    """Journeys from one milestone to another; a journey that closes, or signs without the other, has decided."""
    log, journeys = view.log, view.log.journeys
    rival = journeys.closed
    if STEPS.index(end) < STEPS.index("conversion"):
        rival = np.fmin(rival, reached(view, "conversion"))
    event = reached(view, end)
    if end == "activation":
        before = log.first(view.context.milestones[end])[_first_journey(journeys.account)]
        event = np.where(np.isnan(event) & (journeys.kind == WON_BACK), before, event)
    return waiting(journeys.account, reached(view, start), event, rival, view.calendar.days)


def _first_journey(account: np.ndarray) -> np.ndarray:
    """Of each journey, the number of its account's first one."""
    _, first, place = np.unique(account, return_index=True, return_inverse=True)
    return first[place]


@metric("touches", unit="count", formula="contacts of all channels, repeated ones included", source="events")
def touches(view: View) -> list[Cells]:
    rows = view.log.rows("touched")
    channel = codes_of(view.log.events["channel"], view.levels[CHANNEL])[rows]
    return flow(view.calendar, view.count(view.log.time[rows], view.log.account[rows], None, {CHANNEL: channel}))


def _count(name: str, step: str) -> None:
    @metric(
        name,
        unit="count",
        source="events; [000]:77-95",
        formula=f"journeys that first pass the milestone {step}; each return from the pool is a journey",
    )
    def count(view: View) -> list[Cells]:
        return flow(view.calendar, _passing(view, step))  # fmt: skip


@once
def _passing(view: View, step: str) -> Cube:
    return view.count(reached(view, step), view.log.journeys.account)


for _name, _step in _COUNTS.items():
    _count(_name, _step)


@once
def _new_leads(view: View) -> Cube:
    """Accounts that became a lead for the first time."""
    account, when = view.log.journeys.account, reached(view, "lead")
    known = np.flatnonzero(~np.isnan(when))
    order = known[np.lexsort((when[known], account[known]))]
    _, first = np.unique(account[order], return_index=True)
    return view.count(when[order[first]], account[order[first]])


@metric(
    "leads",
    unit="count",
    source="events; [000]:79",
    formula="accounts that become a lead for the first time; who returns from the pool counts in re_entries",
)
def leads(view: View) -> list[Cells]:
    return flow(view.calendar, _new_leads(view))


@metric(
    "lead_rate_month",
    unit="1/month",
    source="events",
    periods=(HORIZON,),
    formula=f"leads per reachable account and month, mean over the first {_LEAD_MONTHS} months",
)
def lead_rate_month(view: View) -> list[Cells]:
    leads = _new_leads(view)
    months = min(_LEAD_MONTHS, view.calendar.complete)
    found = []
    for dim, size in _reachable(view).items():
        values = divide(leads.values[dim][:, :months].sum(axis=1), months * size)
        found.append(Cells(HORIZON, dim, leads.levels[dim], values[:, None]))
    return found


def _reachable(view: View) -> dict[str, np.ndarray]:
    """Reachable accounts, in all and by segment in the shares of the accounts table."""
    code, names = view.dims[SEGMENT]
    share_of = np.bincount(code[code >= 0], minlength=len(names)) / max(len(code), 1)
    return {TOTAL: np.array([float(view.context.accounts)]), SEGMENT: view.context.accounts * share_of}


def _conversion(start: str, end: str) -> None:
    a, b = _NAMES[start], _NAMES[end]

    @metric(
        f"conversion_{a}_{b}",
        unit="share",
        source="events",
        periods=COHORTS,
        formula=f"share of journeys that passed {a} which pass {b}, {_AJ}",
    )
    def conversion(view: View) -> list[Cells]:
        return by_cohort(view, between(view, start, end), share)  # fmt: skip


for _start, _end in _PAIRS:
    _conversion(_start, _end)


def _days(start: str, end: str) -> None:
    a, b = _NAMES[start], _NAMES[end]

    @metric(
        f"days_{a}_{b}",
        unit="days",
        source="events",
        periods=COHORTS,
        formula=f"median days from {a} to {b} of the journeys that pass both, {_AJ}",
    )
    def days(view: View) -> list[Cells]:
        return by_cohort(view, between(view, start, end), median_wait)  # fmt: skip


for _start, _end in _PAIRS:
    _days(_start, _end)


@metric("lost", unit="count", source="opportunities", formula="opportunities closed as lost")
def lost(view: View) -> list[Cells]:
    return flow(view.calendar, _deals(view, "lost")) if len(view.tables["opportunities"]) else []


@metric(
    "win_rate",
    unit="share",
    source="opportunities",
    formula="won / (won + lost) among opportunities closed in the period",
)
def win_rate(view: View) -> list[Cells]:
    won = _deals(view, "won")
    return ratio(view.calendar, won, won + _deals(view, "lost")) if len(view.tables["opportunities"]) else []


@metric(
    "cycle_days",
    unit="days",
    source="opportunities",
    periods=COHORTS,
    formula="median days from opening an opportunity to closing it, won or lost; open ones censored (Kaplan-Meier)",
)
def cycle_days(view: View) -> list[Cells]:
    account, opened, closed, won = _opportunities(view)
    event, rival = np.where(won, closed, np.nan), np.where(won, np.nan, closed)
    return by_cohort(view, waiting(account, opened, event, rival, view.calendar.days), median_end)


@metric(
    "cycle_days_closed",
    unit="days",
    source="opportunities",
    periods=COHORTS,
    formula="median days from opening to closing of the opportunities won in the period; biased low",
)
def cycle_days_closed(view: View) -> list[Cells]:
    account, opened, closed, won = _opportunities(view)
    return medians(view, account, closed, np.where(won, closed - opened, np.nan))


@once
def _opportunities(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    table = view.tables["opportunities"]
    opened, closed = (view.calendar.days_of(table[c].to_numpy()) for c in ("opened", "closed"))
    account = view.position(table["account"].to_numpy())
    return account, opened, closed, codes_of(table["outcome"], ("won",)) == 0


@once
def _deals(view: View, outcome: str) -> Cube:
    account, _, closed, _ = _opportunities(view)
    chosen = codes_of(view.tables["opportunities"]["outcome"], (outcome,)) == 0
    return view.count(np.where(chosen, closed, np.nan), account)


@metric("trials", unit="count", source="events; [000]:674", formula="trials started, first in each journey")
def trials(view: View) -> list[Cells]:
    if not view.log.has("trial_started"):
        return []
    return flow(view.calendar, view.count(view.log.first("trial_started"), view.log.journeys.account))


@metric(
    "trial_activation",
    unit="share",
    source="events",
    periods=COHORTS,
    formula=f"share of trials in which the activation milestone is passed, {_AJ}",
)
def trial_activation(view: View) -> list[Cells]:
    log, journeys = view.log, view.log.journeys
    start = log.first("trial_started")
    cases = waiting(journeys.account, start, reached(view, "activation"), journeys.closed, view.calendar.days)
    return by_cohort(view, cases, share)


@metric(
    "trial_conversion",
    unit="share",
    source="events",
    periods=COHORTS,
    formula="share of trials that sign within 90 days of their start, among those with 90 days observed",
)
def trial_conversion(view: View) -> list[Cells]:
    limit = view.context.trial_days
    start = view.log.first("trial_started")
    start = np.where(start + limit <= view.calendar.days, start, np.nan)
    signed = reached(view, "conversion")
    event = np.where(signed - start <= limit, signed, np.nan)
    end = np.full(len(start), view.calendar.days)
    return by_cohort(view, waiting(view.log.journeys.account, start, event, end, view.calendar.days), share)


@metric(
    "sales_close",
    unit="share",
    source="events; [000]:676-678",
    periods=COHORTS,
    formula=f"share of journeys in which sales met the account, showed or proposed, that sign, {_AJ}",
)
def sales_close(view: View) -> list[Cells]:
    journeys = view.log.journeys
    start = view.log.first("met", "demonstrated", "proposed")
    cases = waiting(journeys.account, start, reached(view, "conversion"), journeys.closed, view.calendar.days)
    return by_cohort(view, cases, share)


@metric("pool_size", unit="count", source="events; [000]:91", formula="accounts in the lost pool at the end")
def pool_size(view: View) -> list[Cells]:
    pool = view.log.pooled
    return stock(view.calendar, view.level(pool.start, pool.end, pool.account))


@metric("re_entries", unit="count", source="events", formula="returns from the pool of accounts never customers")
def re_entries(view: View) -> list[Cells]:
    return _journeys(view, RE_ENTERED)


@metric("win_backs", unit="count", source="events", formula="returns from the pool of former customers")
def win_backs(view: View) -> list[Cells]:
    return _journeys(view, WON_BACK)


def _journeys(view: View, kind: int) -> list[Cells]:
    journeys = view.log.journeys
    return flow(view.calendar, view.count(np.where(journeys.kind == kind, journeys.start, np.nan), journeys.account))


@metric(
    "re_entry_share",
    unit="share",
    source="events",
    formula="share of the signing journeys that had come back from the pool without having been customers",
)
def re_entry_share(view: View) -> list[Cells]:
    journeys, signed = view.log.journeys, reached(view, "conversion")
    again = np.where(journeys.kind == RE_ENTERED, signed, np.nan)
    return ratio(view.calendar, view.count(again, journeys.account), view.count(signed, journeys.account))
