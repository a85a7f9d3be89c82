"""Flipped accounts: companies that end differently under a plan than under the base, and the decision that did it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.compare.paths import OUTCOME, ROUTE, Course, positions, where_ways_part
from analysis.metrics.books import REVENUE
from analysis.metrics.columns import codes_of, numbers
from analysis.tables import Tables
from sim.units import MINOR

NOT_REACHED, OPEN, LOST, FORMER, CUSTOMER = "not reached", "open", "lost", "former customer", "customer"
"""How an account ends."""

STATES = (NOT_REACHED, OPEN, LOST, FORMER, CUSTOMER)

DIRECT, SPILLOVER = "direct", "spillover"
"""Whether the plan itself turned an account, or other accounts did."""

COLUMNS = (
    "replication", "account", "external_id", "segment", "before", "after", "change", "decision", "occurrence",
    "time_base", "time_plan", "how", "kind", "p_base", "p_plan", "uniform", "term", "term_base", "term_plan", "terms",
    "value",
)  # fmt: skip
"""Columns of the table of flips."""

ON_ITS_OWN = "on_its_own"
"""Further column of ``flips`` that ``terms.with_terms`` uses up: the account came to its decision on its own."""


def flips(base: Tables, plan: Tables, course: Course | None = None) -> pd.DataFrame:
    """Accounts that end differently in two runs that share every customer's fate.

    An account ends as

    - ``customer``: it has signed and not churned since;
    - ``former customer``: it has been one, and is in the lost pool or out of the market;
    - ``lost``: it never was one, and is in the lost pool or out of the market;
    - ``open``: it is on its way at the horizon, for the first time or again;
    - ``not reached``: no channel has reached it, or the run has no such account.

    Parameters
    ----------
    base, plan : Tables
        Accounts, events, decisions and ledger of the replications that are to be compared; replications that only
        one of them has are left out.
    course : Course, optional
        What the two configurations say of the ways of accounts; without it every decision is taken for one of the
        route that is logged whenever it is asked.

    Returns
    -------
    DataFrame
        ``COLUMNS`` and ``ON_ITS_OWN``, one row per flipped account and replication. ``change`` adds up to the
        difference of active customers at the end. ``decision`` and ``how`` are those of
        ``paths.where_ways_part``. ``p_base``, ``p_plan`` and ``uniform`` are those logged there (NaN where nothing
        was); ``uniform`` is NaN where the two runs drew different numbers. ``value`` is plan minus base revenue of
        the account, major units.

    Notes
    -----
    ``kind`` of ``timing`` and ``route`` is what tables and configurations can tell. Timing is direct if the account
    came to where the ways part on its own: both runs reached it at the same time and let it wait equally long, or
    it passed a stop whose own duration the plan changes; else others were before it or made way for it: spillover.
    A route is direct, since only configurations make routes; unless a route splits by channel
    (``Course.by_channel``) and another channel came first. The kind of an outcome is told by its terms
    (``terms.with_terms``) and null until then.
    """
    course = course or Course()
    both = sorted(set(base.replications()) & set(plan.replications()))
    found = [_of_replication(number, base.replication(number), plan.replication(number), course) for number in both]
    if not found:
        return pd.DataFrame(columns=[*COLUMNS, ON_ITS_OWN])
    return pd.concat(found, ignore_index=True)


def _of_replication(number: int, base: Tables, plan: Tables, course: Course) -> pd.DataFrame:
    ids = np.union1d(base["accounts"]["account"].to_numpy(), plan["accounts"]["account"].to_numpy())
    before, after = end_states(base, ids), end_states(plan, ids)
    flipped = np.flatnonzero(before != after)
    accounts = ids[flipped]
    parted = where_ways_part(base, plan, accounts, course)
    people = _people(base, plan, accounts)
    frame = parted.reset_index().assign(
        replication=np.int32(number),
        external_id=people["external_id"].to_numpy(),
        segment=people["segment"].astype(object).to_numpy(),
        before=np.array(STATES, object)[before[flipped]],
        after=np.array(STATES, object)[after[flipped]],
        change=(after == STATES.index(CUSTOMER))[flipped].astype(int) - (before == STATES.index(CUSTOMER))[flipped],
        uniform=_uniform(parted),
        value=(revenue_cents(plan, ids) - revenue_cents(base, ids))[flipped] / MINOR,
    )
    frame[ON_ITS_OWN] = _on_its_own(base, plan, parted, course)
    rerouted = course.by_channel & (_channels(base, accounts) != _channels(plan, accounts))
    frame["kind"] = _kinds(frame, rerouted)
    for column in ("term", "terms"):
        frame[column] = np.full(len(frame), None, object)
    return frame.reindex(columns=[*COLUMNS, ON_ITS_OWN])


def _people(base: Tables, plan: Tables, accounts: np.ndarray) -> pd.DataFrame:
    both = pd.concat([base["accounts"], plan["accounts"]]).drop_duplicates("account").set_index("account")
    return both.loc[accounts]


def _uniform(parted: pd.DataFrame) -> np.ndarray:
    """The number that both runs drew, or that of the run which asked."""
    base, plan = parted["u_base"].to_numpy(), parted["u_plan"].to_numpy()
    return np.where(np.isnan(base), plan, np.where(np.isnan(plan) | (base == plan), base, np.nan))


def end_states(tables: Tables, ids: np.ndarray) -> np.ndarray:
    """How accounts end in one replication, as codes of ``STATES``; see ``flips``.

    Parameters
    ----------
    tables : Tables
        Of one replication.
    ids : int array, shape (accounts,)
        Numbers of accounts, ascending.
    """
    accounts, events = tables["accounts"], tables["events"]
    pools = events.loc[codes_of(events["activity"], ("pooled",)) == 0, "stage"].dropna().unique()
    off = codes_of(accounts["last_stage"], (*map(str, pools), "end")) >= 0
    signed, reached = (accounts[c].notna().to_numpy() for c in ("signed_at", "touched_at"))
    reached = reached | accounts["last_stage"].notna().to_numpy()
    chosen = [accounts["customer"].to_numpy(bool), ~reached, ~off, signed]
    codes = [STATES.index(state) for state in (CUSTOMER, NOT_REACHED, OPEN, FORMER)]
    found = np.full(len(ids), STATES.index(NOT_REACHED))
    found[positions(ids, accounts["account"].to_numpy())] = np.select(chosen, codes, STATES.index(LOST))
    return found


def revenue_cents(tables: Tables, ids: np.ndarray) -> np.ndarray:
    """Revenue of each account over the horizon, minor units; the last element is revenue without account.

    As the metric ``revenue``: credits less debits of the accounts of income. Shape (accounts + 1,).
    """
    ledger = tables["ledger"]
    sign = (codes_of(ledger["credit"], REVENUE) >= 0).astype(np.int64) - (codes_of(ledger["debit"], REVENUE) >= 0)
    place = positions(ids, numbers(ledger["account"]))
    sums = np.zeros(len(ids) + 1, np.int64)
    np.add.at(sums, place, sign * ledger["amount"].to_numpy(np.int64))
    return sums


def _channels(tables: Tables, accounts: np.ndarray) -> np.ndarray:
    """Names of the channels that reached accounts first, empty for none."""
    frame = tables["accounts"]
    found = np.full(len(accounts) + 1, "", object)
    found[positions(accounts, frame["account"].to_numpy())] = frame["channel"].astype(object).fillna("").to_numpy()
    return found[:-1]


def _kinds(frame: pd.DataFrame, rerouted: np.ndarray) -> np.ndarray:
    """Kinds of flips as far as they are known without terms."""
    direct = np.where(frame["how"] == ROUTE, ~rerouted, frame[ON_ITS_OWN])
    found = np.where(direct, DIRECT, SPILLOVER).astype(object)
    found[(frame["how"] == OUTCOME).to_numpy()] = None
    return found


def _on_its_own(base: Tables, plan: Tables, parted: pd.DataFrame, course: Course) -> np.ndarray:
    """Whether accounts came to where their ways part without being held up or let forward by others."""
    accounts = parted.index.to_numpy()
    ways = [
        _Way(t, accounts, parted[f"time_{name}"].to_numpy(), course) for t, name in ((base, "base"), (plan, "plan"))
    ]
    a, b = ways
    alike = (a.reached == b.reached) & (a.waited == b.waited) & (a.waiting == b.waiting)
    return np.asarray(alike | a.repaced | b.repaced)


class _Way:
    """How accounts came to a time (NaN: to the horizon) in one run; arrays over accounts.

    Attributes
    ----------
    reached : float array
        Day of the first contact, minus infinity for none.
    waited, waiting : float array, int array
        Days waited at desks, over all waits that ended, and waits that had not.
    repaced : bool array
        Whether it had come to a stop that the course calls ``paced``.
    """

    def __init__(self, tables: Tables, accounts: np.ndarray, until: np.ndarray, course: Course) -> None:
        events = tables["events"]
        place = positions(accounts, events["account"].to_numpy())
        time = events["time"].to_numpy(float)
        rows = np.flatnonzero(place >= 0)
        rows = rows[~(time[rows] > until[place[rows]])]
        place, time, n = place[rows], time[rows], len(accounts)
        activity = codes_of(events["activity"], ("touched", "queued", "started"))[rows]
        at_desk = events["resource"].notna().to_numpy()[rows]
        self.reached = np.full(n, -np.inf)
        first = np.flatnonzero(activity == 0)[::-1]
        self.reached[place[first]] = time[first]
        self.waited, self.waiting = _waits(place, time, np.where(at_desk, activity, -1), n)
        self.repaced = np.zeros(n, bool)
        self.repaced[place[codes_of(events["stage"], tuple(sorted(course.paced)))[rows] >= 0]] = True


def _waits(place: np.ndarray, time: np.ndarray, activity: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Days of ended waits and number of others; a wait is a row of activity 1, its end one of activity 2.

    The last wait of an account is the one that may not have ended.
    """
    joined, begun = np.flatnonzero(activity == 1), np.flatnonzero(activity == 2)
    waiting = np.bincount(place[joined], minlength=n) - np.bincount(place[begun], minlength=n)
    latest = np.zeros(n)
    latest[place[joined]] = time[joined]
    sums = np.bincount(place[begun], time[begun], n) - np.bincount(place[joined], time[joined], n)
    return sums + np.where(waiting > 0, latest, 0.0), waiting


def watched(found: pd.DataFrame) -> dict[int, list[tuple[int, str]]]:
    """By replication the (account, decision) whose terms would explain the flips: the outcomes."""
    outcomes = found[found["how"] == OUTCOME]
    pairs: dict[int, list[tuple[int, str]]] = {}
    for number, account, decision in zip(*(outcomes[c] for c in ("replication", "account", "decision")), strict=True):
        pairs.setdefault(int(number), []).append((int(account), str(decision)))
    return pairs


def stories(found: pd.DataFrame, n: int) -> pd.DataFrame:
    """A few telling flips, the best first.

    Those of which the term is known come before others. Among them the largest value of every decision, kind and
    direction comes first, then the second largest of each, so that few rows show different things.

    Parameters
    ----------
    found : DataFrame
        As ``terms.with_terms`` returns it, of one plan.
    n : int
        Rows at most.
    """
    ranked = found.assign(_size=-found["value"].abs(), _plain=found["term"].isna())
    ranked = ranked.sort_values(["_plain", "_size", "replication", "account"], kind="stable")
    ranked["_turn"] = ranked.groupby(["decision", "kind", "change"], dropna=False).cumcount()
    best = ranked.sort_values(["_plain", "_turn", "_size"], kind="stable").head(n)
    return best[list(_shown(found))].reset_index(drop=True)


def _shown(found: pd.DataFrame) -> Iterator[str]:
    return (str(column) for column in found.columns if column != ON_ITS_OWN)
