"""Where a run starts: its state on the first day, read off its tables, beside what the files say.

A state counts in every replication, not on average: beside a stated value stands that of the replication which is
farthest from it. What the files do not state is shown as the mean over replications.

Whatever stood before the start is dated before it. Recurring revenue is that of the terms in force; a customer has
signed and not left; an opportunity is open; a lead is under way without either, and not in the lost pool. Balances are
those that the books open with. Heads are those of the first instant; tables of which the state at the start is not
known tell the mean of the first month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.metrics.books import OPENING
from analysis.metrics.columns import codes_of, numbers
from analysis.tables import Tables, schema, to_frame
from sim.events import HEADS
from sim.units import MINOR

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: tuple[str, ...] = ("quantity", "dimension", "in_files", "in_model", "gap", "rounding", "unit")
"""Columns of ``opening.csv``; a gap up to ``rounding`` is what keeping money in cents can make."""

STATED: tuple[str, ...] = ("quantity", "dimension", "value", "unit", "rounding")
"""Columns of what the files say, ``opening_stated.csv``."""

ASSETS: tuple[str, ...] = ("cash", "receivable", "unbilled", "retention_money", "inventory", "fixed_assets")
"""Accounts of the ledger whose own side is the debit side; of all others it is the credit side."""

_MONTHS, _FINE = 12, 1e-9
_NO_STEP = ("touched", "invoiced", "paid", "overdue", "written_off", "used_less")
_AWAY = ("lost", "pooled", "churned", "disqualified", "signed")
_KEYS = ["replication", "account"]


@dataclass(frozen=True, eq=False)
class Start:
    """Tables of a run up to its first day.

    Attributes
    ----------
    tables : Tables
        opportunities, subscriptions, events, ledger, monthly, staffing; later rows in them do no harm.
    there : tuple of str
        Those of them that were kept.
    replications : tuple of int
        Their numbers.
    first : numpy.datetime64
        The instant 0.
    currency : str
        Unit of money.
    """

    tables: Tables
    there: tuple[str, ...]
    replications: tuple[int, ...]
    first: np.datetime64
    currency: str = "CNY"

    def state(self) -> pd.DataFrame:
        """Every quantity in every replication: quantity, dimension, replication, value, unit."""
        import pandas as pd

        found: list[pd.DataFrame] = []
        if "subscriptions" in self.there:
            found += self._arr()
        if "events" in self.there:
            found.append(self._by_replication("active_customers", self._customers.astype(float), "count"))
        if {"events", "opportunities"} <= set(self.there):
            found += self._deals()
        if "ledger" in self.there:
            found += [self._by_replication(n, v, self.currency, MINOR) for n, v in self._balances.items()]
        if {"monthly", "staffing"} & set(self.there):
            found += self._heads()
        columns = ["quantity", "dimension", "replication", "value", "unit"]
        return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)

    def _by_replication(self, quantity: str, values: pd.Series, unit: str, size: int = 1) -> pd.DataFrame:
        """Sums of values, indexed by replication among others, in units of so many; 0 where a replication has none."""
        sums = values.groupby(level="replication").sum().reindex(list(self.replications), fill_value=0)
        frame = (sums.astype(float) / size).rename("value").rename_axis("replication").reset_index()
        return frame.assign(quantity=quantity, dimension="", unit=unit)

    def _arr(self) -> list[pd.DataFrame]:
        """Recurring revenue a year of the terms in force."""
        terms = self.tables["subscriptions"]
        chosen = terms[self._under_way(terms, "start", "ended") & (numbers(terms["mrr"]) > 0)]
        yearly = chosen.set_index("replication")["mrr"].astype("int64") * _MONTHS
        return [self._by_replication("arr", yearly, f"{self.currency}/year", MINOR)] if len(yearly) else []

    def _under_way(self, frame: pd.DataFrame, begin: str, end: str) -> np.ndarray:
        """Rows that began before the start and did not end before it."""
        begun, ended = (frame[column].to_numpy("datetime64[us]") for column in (begin, end))
        return np.asarray((begun < self.first) & ~(ended < self.first))

    @cached_property
    def _past(self) -> pd.DataFrame:
        """Events before the start."""
        events = self.tables["events"]
        return events[events["time"].to_numpy(float) < 0]

    @property
    def _customers(self) -> pd.Series:
        """Whether each account that had ever signed is a customer."""
        marks = self._past[codes_of(self._past["activity"], ("signed", "churned")) >= 0]
        latest = marks.groupby(_KEYS)["activity"].last()
        return latest.astype(str) == "signed"

    def _deals(self) -> list[pd.DataFrame]:
        """Opportunities that are open, what they are worth where that was stated, and leads that are none yet.

        Amounts that are only known because the deal was won since were not stated; then no deal has one that was not.
        """
        deals = self.tables["opportunities"]
        deals = deals[self._under_way(deals, "opened", "closed")]
        held, known = deals.set_index(_KEYS).index, deals[deals["amount"].notna()]
        worth = known.set_index(_KEYS)["amount"].astype("int64")
        stated = bool((known["outcome"] != "won").any())
        leads = self._leads[~self._leads.isin(held)]
        found = [self._by_replication("open_opportunities", series(np.ones(len(held)), held), "count")]
        found += [self._by_replication("open_amount", worth, self.currency, MINOR)] if stated else []
        return [*found, self._by_replication("leads", series(np.ones(len(leads)), leads), "count")]

    @property
    def _leads(self) -> pd.MultiIndex:
        """Replication and account of those under way that neither signed nor left since they last came."""
        past = self._past
        steps = past[codes_of(past["activity"], _NO_STEP) < 0]
        came = (codes_of(steps["activity"], ("re_entered", "won_back")) >= 0).astype(int)
        journey = series(came, steps.index).groupby([steps[key] for key in _KEYS]).cumsum()
        latest = journey.groupby([steps[key] for key in _KEYS]).transform("max") == journey
        away = codes_of(steps["activity"], _AWAY) >= 0
        left = series(away & latest.to_numpy(), steps.index).groupby([steps[key] for key in _KEYS]).any()
        return left.index[~left.to_numpy(bool)]

    @property
    def _balances(self) -> Mapping[str, pd.Series]:
        """Balances that the books open with, minor units on the account's own side, by account of the ledger."""
        books = self.tables["ledger"]
        rows = books[(codes_of(books["memo"], (OPENING,)) == 0) & (books["time"].to_numpy(float) == 0)]
        sums: dict[str, list[pd.Series]] = {}
        for side, sign in (("debit", 1), ("credit", -1)):
            for name, part in rows.groupby(rows[side].astype(str)):
                own = sign if name in ASSETS else -sign
                sums.setdefault(str(name), []).append(own * part.set_index("replication")["amount"].astype("int64"))
        return {name: concatenated(parts) for name, parts in sorted(sums.items()) if name != "equity"}

    def _heads(self) -> list[pd.DataFrame]:
        """Heads by desk, as the monthly table holds them on the day before the first."""
        if "monthly" in self.there:
            known = self.tables["monthly"]
            known = known[known["metric"].astype(str).str.startswith(HEADS).to_numpy()]
            if len(known):
                desk = known["metric"].astype(str).str.removeprefix(HEADS).to_numpy()
                return self._by_desk(known.set_index("replication").groupby(desk)["value"])
        return self._mean_heads() if "staffing" in self.there else []

    def _by_desk(self, parts: Iterable[tuple[Any, pd.Series]]) -> list[pd.DataFrame]:
        return [self._by_replication("headcount", heads, "count").assign(dimension=str(desk)) for desk, heads in parts]

    def _mean_heads(self) -> list[pd.DataFrame]:
        desks = self.tables["staffing"]
        month = desks["ds"].to_numpy("datetime64[us]").astype("datetime64[M]")
        first = desks[month == self.first.astype("datetime64[M]")]
        return self._by_desk(first.set_index("replication").groupby(first["desk"].astype(str).to_numpy())["heads"])


def series(values: np.ndarray, index: pd.Index) -> pd.Series:
    """Values with the index of the frame that they were read off."""
    import pandas as pd

    return pd.Series(values, index=index)


def concatenated(parts: list[pd.Series]) -> pd.Series:
    """Series below each other."""
    import pandas as pd

    return pd.concat(parts)


def tied(state: pd.DataFrame, stated: pd.DataFrame | None = None) -> pd.DataFrame:
    """The state beside what was stated.

    Parameters
    ----------
    state : pandas.DataFrame
        As ``Start.state`` gives it.
    stated : pandas.DataFrame, optional
        ``STATED``; a quantity that it lacks is not tied.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``: stated quantities in their order, then the others that are not zero throughout. ``gap`` is model
        less files, null for what is not stated; a stated quantity of which the model has none stands at 0.
    """
    import pandas as pd

    values = {
        (str(quantity), str(dimension)): part["value"].to_numpy(float)
        for (quantity, dimension), part in state.groupby(["quantity", "dimension"], sort=False)
    }
    units = dict(zip(zip(state["quantity"], state["dimension"], strict=True), state["unit"], strict=True))
    rows: list[tuple[Any, ...]] = []
    for row in [] if stated is None else stated.fillna({"dimension": ""}).to_dict("records"):
        key, said = (str(row["quantity"]), str(row["dimension"])), float(row["value"])
        found = values.pop(key, np.zeros(1))
        worst = float(found[np.argmax(np.abs(found - said))])
        rows.append((*key, said, worst, round(worst - said, 6), row["rounding"], units.get(key, row["unit"])))
    rows += [(*key, None, float(found.mean()), None, None, units[key]) for key, found in values.items() if found.any()]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(("in_files", "in_model", "gap", "rounding"), float))


def open_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``opening.csv`` that do not tie: the gap is more than rounding can make."""
    return table[table["gap"].abs().to_numpy() > table["rounding"].to_numpy() + _FINE]


def read_start(folder: str | Path, replications: Sequence[int], **about: str) -> Start:
    """The tables of a run folder up to its first day, little more than that being read.

    Parameters
    ----------
    folder : path
        Run folder; tables that were not kept leave out what is read off them.
    replications : sequence of int
        Replications that it holds.
    **about
        ``start``: first day, ISO date; ``currency`` as of ``Start``.
    """
    first = np.datetime64(about.pop("start"), "us")
    moment = first.astype("datetime64[ms]").item()
    filters = {
        "events": [("time", "<", 0.0)],
        "ledger": [("time", "==", 0.0)],
        "subscriptions": [("start", "<", moment)],
        "opportunities": [("opened", "<", moment)],
        "monthly": [("ds", "<", moment)],
        "staffing": None,
    }
    there = tuple(name for name in filters if (Path(folder) / f"{name}.parquet").is_file())

    def read(name: str) -> pd.DataFrame:
        import pyarrow.parquet as pq

        path = Path(folder) / f"{name}.parquet"
        return to_frame(pq.read_table(path, filters=filters[name], schema=schema(name)), name)

    return Start(Tables(read), there, tuple(replications), first, **about)
