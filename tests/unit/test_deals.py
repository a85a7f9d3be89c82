"""Signatures by person and team, and open opportunities, on a story that can be followed by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.metrics import Context, compute
from analysis.tables import Tables
from tests.fixtures.small_tables import START, accounts, day, frame


@pytest.fixture(scope="module")
def metrics() -> pd.DataFrame:
    """Two salespeople, a returner, a customer who signs alone, and a deal older than the horizon."""
    steps = [
        (0, "started", 2, "sales-1", None), (0, "finished", 3, "sales-1", None), (0, "signed", 5, None, 1_000),
        (1, "finished", 4, "sdr-1", None), (1, "finished", 9, "sales-2", None), (1, "signed", 9, "sales-2", 2_000),
        (2, "finished", 6, "sales-1", None), (2, "pooled", 7, None, None), (2, "re_entered", 20, None, None),
        (2, "signed", 21, None, 4_000), (3, "signed", 33, None, None),
        (4, "opened", -10, None, 500), (5, "opened", -10, None, None),
    ]  # fmt: skip
    rows = [
        {"account": a, "activity": what, "time": float(t), "timestamp": day(t), "owner": who, "amount": amount}
        for a, what, t, who, amount in steps
    ]
    deals = [(0, 1, 5), (1, 3, 40), (2, 6, 7), (3, 35, None), (4, -10, 33), (5, -10, -3)]
    tables = {
        "accounts": accounts(),
        "events": frame("events", sorted(rows, key=lambda row: row["time"])),
        "opportunities": frame("opportunities", [
            {"account": a, "opened": day(o), "closed": day(c), "outcome": "won", "amount": 100 * (a + 1)}
            for a, o, c in deals
        ]),
    }  # fmt: skip
    names = ["deals_signed", "signed_amount", "open_opportunities", "open_unpriced", "open_amount"]
    context = Context(start=START, days=59.0, accounts=6, opened=True)
    return compute(Tables(tables), context, names)


def by(metrics: pd.DataFrame, metric: str, dim: str | None, period: str = "month") -> dict[str, list[float]]:
    """Values of a metric by level, in the order of the months."""
    rows = metrics[(metrics["metric"] == metric) & (metrics["period"] == period)]
    rows = rows[rows["dim1"] == dim] if dim else rows[rows["dim1"].isna()]
    level = rows["level1"].astype(object).where(rows["level1"].notna(), "")
    return rows["value"].groupby(level, sort=True).apply(list).to_dict()


def test_a_signature_belongs_to_the_last_who_worked_in_the_journey(metrics: pd.DataFrame) -> None:
    """Who worked in an earlier journey has no part in it, and a customer may sign alone."""
    assert by(metrics, "deals_signed", "owner") == {"sales-1": [1, 0], "sales-2": [1, 0], "sdr-1": [0, 0]}
    assert by(metrics, "deals_signed", "team") == {"sales": [2, 0], "sdr": [0, 0]}
    assert by(metrics, "deals_signed", None) == {"": [3, 1]}


def test_amounts_are_in_major_units(metrics: pd.DataFrame) -> None:
    assert by(metrics, "signed_amount", "owner") == {"sales-1": [10, 0], "sales-2": [20, 0], "sdr-1": [0, 0]}
    assert by(metrics, "signed_amount", None) == {"": [70, 0]}


def test_open_opportunities_count_those_from_before_the_horizon(metrics: pd.DataFrame) -> None:
    """End of January: those of accounts 1 and 4; end of February: that of account 3."""
    assert by(metrics, "open_opportunities", None) == {"": [2, 1]}
    assert by(metrics, "open_unpriced", None) == {"": [1, 1]}
    assert by(metrics, "open_amount", None) == {"": [5, 0]}
    segments = by(metrics, "open_opportunities", "segment")
    assert segments == {"large": [1, 1], "small": [1, 0]}
