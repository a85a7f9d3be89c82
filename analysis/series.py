"""The main monthly series of a run, as a long table: what a company's own books would show.

A stock changes by nothing but its flows: what is there at the end of a month is what was there before, plus what came,
less what went. The flows of the main stocks belong to the table, as stocks are forecast through them
(``analysis.forecast.flows``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MAIN: dict[str, float | None] = {
    "revenue": 0.0,
    "cash": None,
    "leads": 0.0,
    "signed": 0.0,
    "active_customers": 0.0,
    "arr": 0.0,
    "gmv": 0.0,
    "units_sold": 0.0,
}
"""Metrics that are forecast where the business has them, with the value that they can never fall below."""

_MONTHLY = {
    "new_mrr": 1.0,
    "reactivated_mrr": 1.0,
    "expansion_mrr": 1.0,
    "contraction_mrr": -1.0,
    "churned_mrr": -1.0,
}

STOCKS: dict[str, dict[str, float]] = {
    "arr": {flow: 12 * weight for flow, weight in _MONTHLY.items()},
    "mrr": _MONTHLY,
    "active_customers": {"new_customers": 1.0, "churned_customers": -1.0},
    "cash": {"cash_received": 1.0, "cash_paid": -1.0},
}
"""Stocks by name: their flows, with what one unit of a flow adds to the stock."""

LOWEST: dict[str, float | None] = (
    MAIN | {"mrr": 0.0} | {flow: 0.0 for flows in STOCKS.values() for flow in flows}
)  # fmt: skip
"""The value that a series can never fall below, by metric; flows are counted in their own direction."""

SEPARATOR = "/"
"""Between metric and replication in the id of a series, where several replications are forecast."""


def wanted() -> list[str]:
    """The main metrics, then the flows of those that are stocks."""
    flows = [flow for stock, flows in STOCKS.items() if stock in MAIN for flow in flows]
    return [*MAIN, *dict.fromkeys(flow for flow in flows if flow not in MAIN)]


def monthly_series(metrics: pd.DataFrame, replications: int = 1) -> pd.DataFrame:
    """Monthly totals of the main metrics and of the flows of stocks.

    A company sees one history, so by default only replication 0 is taken and the id is the metric's name;
    with more, the id is ``metric/replication``. A metric that is null or zero throughout does not belong to
    the business and is left out.

    Parameters
    ----------
    metrics : pandas.DataFrame
        Columns replication, ds, period, metric, dim1, dim2, value, as in ``metrics.parquet``.
    replications : int
        How many replications, counted from 0.

    Returns
    -------
    pandas.DataFrame
        Columns unique_id (str), ds (datetime), y (float), floor (float, NaN for none), ordered as in ``wanted``,
        by replication and date.
    """
    import pandas as pd

    names = wanted()
    chosen = metrics[
        (metrics["period"].astype(str) == "month")
        & metrics["metric"].astype(str).isin(names)
        & metrics["dim1"].isna()
        & metrics["dim2"].isna()
        & (metrics["replication"] < replications)
    ]
    table = pd.DataFrame(
        {
            "metric": pd.Categorical(chosen["metric"].astype(str), categories=names),
            "replication": chosen["replication"].to_numpy(),
            "ds": pd.to_datetime(chosen["ds"]).to_numpy(),
            "y": chosen["value"].to_numpy(float),
        }
    ).sort_values(["metric", "replication", "ds"], kind="stable")
    return _named(table[_present(table)], replications)


def floors(ids: Iterable[str], lowest: Mapping[str, float | None] = LOWEST) -> dict[str, float]:
    """Lowest possible values of the series of these ids, for those that have one."""
    found = {name: lowest.get(name.split(SEPARATOR)[0]) for name in ids}
    return {name: floor for name, floor in found.items() if floor is not None}


def _present(table: pd.DataFrame) -> pd.Series:
    """Whether the metric of a row is anything but null and zero somewhere."""
    alive = table.loc[table["y"].fillna(0) != 0, "metric"].astype(str).unique()
    return table["metric"].astype(str).isin(alive)


def _named(table: pd.DataFrame, replications: int) -> pd.DataFrame:
    name = table["metric"].astype(str)
    floor = name.map(LOWEST).astype(float)
    if replications > 1:
        name = name + SEPARATOR + table["replication"].astype(str)
    return table.assign(unique_id=name, floor=floor)[["unique_id", "ds", "y", "floor"]].reset_index(drop=True)
