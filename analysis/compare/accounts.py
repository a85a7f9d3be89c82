"""The account bridge: the difference in revenue as a sum over accounts, booked to the decision that parted them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.compare.flips import revenue_cents
from analysis.compare.paths import OUTCOME, ROUTE, Course, positions, where_ways_part
from analysis.metrics.columns import codes_of
from analysis.tables import Tables
from sim.units import MINOR

TIMING_ONLY, NO_ACCOUNT = "timing only", "no account"
"""Drivers of accounts that decide alike, and of postings that belong to nobody."""

METRIC = "revenue"

COLUMNS = ["metric", "driver", "segment", "replication", "value"]


def account_bridge(base: Tables, plan: Tables, course: Course | None = None) -> pd.DataFrame:
    """Difference in revenue over the horizon by the decision at which the ways of accounts part.

    Every account's difference is booked to the first of its decisions, in the order of time, that falls otherwise:
    one of the route with another outcome or that only one run asks, or one that changes revenue alone, such as to
    add units. What an account that decides alike in both runs earns more or less (it came earlier, it pays another
    price) is ``timing only``.

    Parameters
    ----------
    base, plan : Tables
        Accounts, events, decisions and ledger of both runs; replications that only one of them has are left out.
    course : Course, optional
        As ``flips`` takes it.

    Returns
    -------
    DataFrame
        metric, driver (the name of a decision, ``TIMING_ONLY`` or ``NO_ACCOUNT``), segment (null without account),
        replication, value (plan minus base, major units). Every driver and segment that occurs in any replication
        has a row in each. In cents the values of a replication add up to the difference of the metric ``revenue``.
    """
    course = course or Course()
    both = sorted(set(base.replications()) & set(plan.replications()))
    found = [_of_replication(number, base.replication(number), plan.replication(number), course) for number in both]
    if not found:
        return pd.DataFrame(columns=COLUMNS)
    return _complete(pd.concat(found, ignore_index=True), both)


def _of_replication(number: int, base: Tables, plan: Tables, course: Course) -> pd.DataFrame:
    """Cents by driver and segment; the segment of nobody is empty."""
    people = pd.concat([base["accounts"], plan["accounts"]])[["account", "segment"]]
    people = people.drop_duplicates("account").sort_values("account")
    ids = people["account"].to_numpy()
    cents = revenue_cents(plan, ids) - revenue_cents(base, ids)
    touched = np.flatnonzero(cents[:-1])
    rows = pd.DataFrame({
        "driver": [*drivers_of(base, plan, ids[touched], course), NO_ACCOUNT],
        "segment": [*people["segment"].astype(object).to_numpy()[touched], ""],
        "cents": np.append(cents[touched], cents[-1]),
    })  # fmt: skip
    sums = rows.groupby(["driver", "segment"], dropna=False)["cents"].sum().reset_index()
    return sums.assign(replication=np.int32(number))


def _complete(rows: pd.DataFrame, replications: list[int]) -> pd.DataFrame:
    """Every driver and segment in every replication, in major units; those without any cents are left out."""
    wide = rows.pivot_table(index=["driver", "segment"], columns="replication", values="cents", aggfunc="sum")
    wide = wide.reindex(columns=replications).fillna(0)
    wide = wide[(wide != 0).any(axis=1).to_numpy() | (wide.index.get_level_values("driver") == TIMING_ONLY)]
    long = wide.stack().rename("value").reset_index()
    long["value"] = long["value"].to_numpy(float) / MINOR
    long["segment"] = long["segment"].astype(object).where(long["segment"] != "", None)
    return long.assign(metric=METRIC)[COLUMNS]


def drivers_of(base: Tables, plan: Tables, accounts: np.ndarray, course: Course) -> np.ndarray:
    """Name of the decision that each account's difference is booked to; see ``account_bridge``.

    Parameters
    ----------
    base, plan : Tables
        Of one replication.
    accounts : int array
        Numbers of accounts, ascending.
    course : Course
    """
    parted = where_ways_part(base, plan, accounts, course)
    firm = parted["how"].isin((OUTCOME, ROUTE)).to_numpy()
    when = np.where(firm, np.fmin(parted["time_base"], parted["time_plan"]), np.inf)
    driver = np.where(firm, parted["decision"].to_numpy(object), TIMING_ONLY)
    bought = _bought_otherwise(base, plan, accounts, course)
    earlier = bought["time"].to_numpy() < when[bought["place"].to_numpy()]
    driver[bought["place"].to_numpy()[earlier]] = bought["decision"].to_numpy(object)[earlier]
    return driver


def _bought_otherwise(base: Tables, plan: Tables, accounts: np.ndarray, course: Course) -> pd.DataFrame:
    """First decision beside the route of each account that falls otherwise: place, decision, time.

    Such decisions bear the month in which they are asked. One that both runs logged falls otherwise if the answers
    differ; a yes that only one run logged, of those logged only when they are yes, if the account was a customer
    in the other run at the time. Anything else is asked in one run alone because accounts come earlier or later.
    """
    a, b = (_beside(tables["decisions"], accounts, course) for tables in (base, plan))
    both = a.merge(b, on=["place", "decision", "occurrence"], how="outer", suffixes=("_base", "_plan"))
    time = np.fmin(both["time_base"], both["time_plan"])
    answered = both["outcome_base"].notna() & both["outcome_plan"].notna()
    differ = answered & (both["outcome_base"] != both["outcome_plan"])
    silent = ~answered & both["decision"].isin(course.monthly)
    for tables, column in ((base, "outcome_base"), (plan, "outcome_plan")):
        at = np.flatnonzero(silent & both[column].isna())
        place = both["place"].to_numpy()[at]
        differ.iloc[at] = customer_at(tables["events"], accounts[place], time.to_numpy()[at])
    found = both.assign(time=time)[differ.to_numpy(bool)].sort_values(["time", "decision"], kind="stable")
    return found.drop_duplicates("place")[["place", "decision", "time"]]


def _beside(decisions: pd.DataFrame, accounts: np.ndarray, course: Course) -> pd.DataFrame:
    """Decisions of accounts that are none of the route."""
    beside = [name for name in decisions["decision"].unique() if isinstance(name, str) and not course.leads(name)]
    place = positions(accounts, decisions["account"].to_numpy())
    rows = np.flatnonzero((place >= 0) & (codes_of(decisions["decision"], tuple(beside)) >= 0))
    chosen = decisions.iloc[rows]
    return pd.DataFrame({
        "place": place[rows],
        "decision": chosen["decision"].astype(object).to_numpy(),
        "occurrence": chosen["occurrence"].to_numpy(),
        "time": chosen["time"].to_numpy(float),
        "outcome": chosen["outcome"].to_numpy(bool).astype(float),
    })  # fmt: skip


def customer_at(events: pd.DataFrame, accounts: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Whether accounts were customers at a time: signed at or before it, and not churned since.

    Parameters
    ----------
    events : DataFrame
        Of one replication.
    accounts : int array
        One per question, an account may be asked about more than once.
    time : float array
        Days.
    """
    activity = codes_of(events["activity"], ("signed", "churned"))
    rows = np.flatnonzero(activity >= 0)
    marks = pd.DataFrame({
        "account": events["account"].to_numpy()[rows].astype(np.int64),
        "time": events["time"].to_numpy(float)[rows],
        "signed": activity[rows] == 0,
    })  # fmt: skip
    asked = pd.DataFrame({"account": accounts.astype(np.int64), "time": time, "place": np.arange(len(accounts))})
    asked = asked.sort_values("time", kind="stable")
    latest = pd.merge_asof(asked, marks.sort_values("time", kind="stable"), on="time", by="account")
    found = np.zeros(len(accounts), bool)
    found[latest["place"].to_numpy()] = latest["signed"].eq(True).to_numpy(bool)
    return found
