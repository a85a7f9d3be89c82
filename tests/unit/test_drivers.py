"""The business bridge on tables made by hand, and its summary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.compare.drivers import COLUMNS, SUMMARY, TOTAL, business_bridge, summarise
from analysis.compare.identity import PLAYERS
from analysis.compare.paired import paired
from analysis.metrics import compute
from analysis.tables import Tables
from tests.fixtures import small_tables as story
from tests.fixtures.restart import restarted

FIRST_YEAR = 365.0


def posting(time: float, amount: int, account: int | None, contract: int | None) -> dict[str, Any]:
    """Revenue that is earned."""
    return {"time": time, "timestamp": story.day(time), "account": account, "contract": contract, "amount": amount,
            "debit": "deferred_revenue", "credit": "revenue_subscription"}  # fmt: skip


def company(number: int, born: float | None, state: str) -> list[dict[str, Any]]:
    """Events of a company that is a lead on day 10 and waits for a seller from then on."""
    rows = [
        {"account": number, "activity": "registered", "time": 10.0},
        {"account": number, "activity": "queued", "time": 10.0, "stage": "sales", "resource": "sales"},
    ]
    end = {"time": born if born is not None else 40.0, "account": number}
    if state == "lost":
        rows += [{**end, "activity": "finished", "stage": "sales"}, {**end, "activity": "queued", "stage": "pool"}]
    if born is not None:
        rows += [{**end, "activity": "finished", "stage": "sales"}, {**end, "activity": "signed"}]
    return rows


def world(born: dict[int, float | None], month_cents: int = 10_000, **more: Any) -> Tables:
    """Four companies that sign on some day, wait (None), or are lost (-1), and pay monthly from the signature on."""
    accounts = [{"account": a, "segment": "small", "last_stage": "sales"} for a in born]
    events = [row for a, day in born.items() for row in company(a, *((None, "lost") if day == -1 else (day, "open")))]
    signed = {a: day for a, day in born.items() if day is not None and day >= 0}
    contracts = [{"account": a, "contract": a, "start": story.day(day), "mrr": month_cents, "outcome": "open"}
                 for a, day in signed.items()]  # fmt: skip
    closings = pd.date_range(story.START, periods=12, freq="ME")
    days = [(ends - pd.Timestamp(story.START)).days + 0.9 for ends in closings]
    ledger = [posting(d, month_cents, a, a) for a, day in signed.items() for d in days if d >= day]
    events.sort(key=lambda row: row["time"])
    made = {"accounts": accounts, "events": events, "subscriptions": contracts, "ledger": ledger, **more}
    return Tables({name: story.frame(name, rows) for name, rows in made.items() if rows})


def bridge(base: Tables, plan: Tables) -> pd.DataFrame:
    """Bridge over the first year."""
    context = story.context(days=FIRST_YEAR)
    return business_bridge(base, plan, context, context)


def money(found: pd.DataFrame, metric: str = "revenue") -> dict[str, float]:
    """Drivers of a metric that are not zero."""
    sums = found[found["metric"] == metric].groupby("driver", observed=True)["value"].sum()
    return {str(name): float(value) for name, value in sums.items() if value}


BASE = {0: 45.0, 1: 45.0, 2: None, 3: -1}


def test_a_dearer_month_is_price() -> None:
    found = bridge(world(BASE), world(BASE, month_cents=12_000))
    assert list(found.columns) == list(COLUMNS)
    assert money(found) == {"price": 2 * 11 * 20.0}
    assert money(found, "operating_profit") == {"price": 2 * 11 * 20.0}


def test_an_earlier_signature_is_speed() -> None:
    found = bridge(world(BASE), world({**BASE, 1: 15.0}))
    assert money(found) == {"speed_capacity": 100.0}


def test_who_no_longer_waits_is_speed() -> None:
    found = bridge(world(BASE), world({**BASE, 2: 45.0}))
    assert money(found) == {"speed_capacity": 1_100.0}


def test_who_decides_otherwise_is_conversion() -> None:
    found = bridge(world(BASE), world({**BASE, 3: 45.0}))
    assert set(money(found)) == {"conversion"}
    assert sum(money(found).values()) == 1_100.0


def test_one_more_lead_is_volume_where_all_leads_fare_alike() -> None:
    found = bridge(world({0: 45.0, 1: 45.0}), world({0: 45.0, 1: 45.0, 2: 45.0}))
    assert money(found) == {"volume": 1_100.0}


def test_who_leaves_is_churn() -> None:
    plan = world(BASE)
    contracts, ledger = plan["subscriptions"].copy(), plan["ledger"]
    contracts.loc[contracts["account"] == 1, "ended"] = pd.Timestamp("2025-03-31 23:00")
    kept = ledger[(ledger["account"] != 1) | (ledger["time"] < 90)]
    left = Tables({name: plan[name] for name in ("accounts", "events")} | {"subscriptions": contracts, "ledger": kept})
    found = money(bridge(world(BASE), left))
    assert found == {"churn": -9 * 100.0}


JULY = 181.0
"""Days before 1 July."""


def from_july(base: Tables, plan: Tables) -> dict[str, float]:
    """Drivers of revenue of the second half of the year, for which both begin where they stand."""
    (before, _), (after, context) = (restarted(side, story.context(days=FIRST_YEAR), JULY) for side in (base, plan))
    found = business_bridge(before, after, context, context)
    revenue = [compute(side, context, ["revenue"]).query("period == 'horizon'")["value"] for side in (before, after)]
    assert sum(money(found).values()) == pytest.approx(revenue[1].iloc[0] - revenue[0].iloc[0])
    return money(found)


def test_customers_of_the_first_day_pay_more_or_leave() -> None:
    assert from_july(world(BASE), world(BASE, month_cents=12_000)) == {"price": 2 * 6 * 20.0}
    events = [*_rows(world(BASE)["events"]), {"account": 1, "activity": "churned", "time": 250.0}]
    ledger = world(BASE)["ledger"]
    kept = _rows(ledger[(ledger["account"] != 1) | (ledger["time"] < 250)])
    assert from_july(world(BASE), world(BASE, events=events, ledger=kept)) == {"churn": -4 * 100.0}


def test_who_was_under_way_on_the_first_day_signs_later() -> None:
    """A lead of before the first day belongs to the first quarter; nobody's revenue is without a contract."""
    assert from_july(world(BASE), world({**BASE, 2: 200.0})) == {"speed_capacity": 6 * 100.0}


def test_revenue_of_no_contract_is_other_and_belongs_to_no_segment() -> None:
    plan = world(BASE, ledger=[*_rows(world(BASE)["ledger"]), posting(200.0, 777, None, None)])
    found = bridge(world(BASE), plan)
    assert money(found) == {"other": 7.77}
    assert found.loc[found["value"] != 0, "segment"].isna().all()


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if not pd.isna(v)} for row in table.to_dict("records")]


def test_orders_are_told_apart_by_amount_and_by_time() -> None:
    def shop(amount: int, delivered: float | None) -> Tables:
        order = {"account": 0, "contract": 5, "start": story.day(45), "amount": amount, "outcome": "open"}
        sold = [] if delivered is None else [posting(delivered, amount, 0, 5)]
        return world({0: 45.0}, subscriptions=[order], ledger=sold)

    assert money(bridge(shop(5_000, 80), shop(6_000, 80))) == {"price": 10.0}
    assert money(bridge(shop(5_000, None), shop(5_000, 80))) == {"speed_capacity": 50.0}
    both = money(bridge(shop(5_000, None), shop(6_000, 80)))
    assert both == {"price": 5.0, "speed_capacity": 55.0}, "Shapley halves what only both together do"


def test_costs_are_drivers_of_profit() -> None:
    pay = {"time": 31.0, "timestamp": story.day(31), "debit": "payroll", "credit": "cash", "amount": 50_000}
    found = bridge(world(BASE), world(BASE, ledger=[*_rows(world(BASE)["ledger"]), pay]))
    assert money(found) == {}
    assert money(found, "operating_profit") == {"cost_payroll": -500.0}


def test_the_story_adds_up() -> None:
    context = story.context()
    ledger = story.ledger()
    ledger.loc[ledger["credit"] == "revenue_subscription", "amount"] += 1_001
    found = business_bridge(story.tables(), story.tables(ledger=ledger), context, context)
    assert sum(money(found).values()) == pytest.approx(6 * 10.01, abs=1e-9)


def test_runs_that_cannot_be_paired_are_refused() -> None:
    one, year, more = world(BASE), story.context(days=FIRST_YEAR), story.context(days=400.0)
    with pytest.raises(ValueError, match="horizons differ"):
        business_bridge(one, one, year, more)
    accounts = one["accounts"].assign(replication=np.int32(3))
    with pytest.raises(ValueError, match="replications differ"):
        business_bridge(one, Tables({"accounts": accounts}), year, year)


def test_a_run_in_which_nothing_happens_is_a_run() -> None:
    context = story.context()
    quiet = Tables({"accounts": story.accounts()})
    found = business_bridge(quiet, story.tables(), context, context)
    revenue = story.ledger().query("credit == 'revenue_subscription'")["amount"].sum() / 100
    assert sum(money(found).values()) == pytest.approx(revenue, abs=1e-9)
    assert not business_bridge(quiet, quiet, context, context)["value"].any()
    with pytest.raises(ValueError, match="no replications"):
        business_bridge(Tables({}), Tables({}), context, context)


def drivers(values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Rows of a bridge with one value per driver and replication, halved over two segments."""
    rows = [
        {"business": "tool", "scenario": "more", "bridge": "business", "metric": "revenue", "driver": name,
         "segment": segment, "replication": r, "value": value / 2, "unit": "CNY"}
        for name, series in values.items() for r, value in enumerate(series) for segment in ("small", "large")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_summary_is_means_with_their_intervals_and_a_total() -> None:
    noise = np.random.default_rng(1).lognormal(0, 1, 20)
    few = np.where(np.arange(20) < 9, 4.0, 0.0)
    found = summarise(drivers({"price": noise, "volume": few, "churn": np.zeros(20)})).set_index("driver")
    assert list(found.index) == ["price", "volume", "churn", TOTAL]
    wanted = paired(np.zeros(20), noise)
    assert found.loc["price", ["mean", "ci_low", "ci_high"]].tolist() == pytest.approx(
        [noise.mean(), wanted.low, wanted.high]
    )
    assert found.loc["volume", "mean"] == pytest.approx(1.8)
    assert found.loc["volume", ["ci_low", "ci_high"]].isna().all()
    assert found.loc["churn", ["mean", "ci_low", "ci_high"]].tolist() == [0, 0, 0]
    assert found.loc[TOTAL, "mean"] == pytest.approx(noise.mean() + 1.8)
    assert found.loc[TOTAL, "ci_low"] == pytest.approx(paired(np.zeros(20), noise + few).low)
    assert (found["replications"] == 20).all()


def test_the_summary_takes_what_only_the_attribution_knows() -> None:
    table = drivers({"price": np.ones(2), "volume": -np.ones(2)})
    who = {"business": "tool", "scenario": "more", "bridge": "business", "metric": "revenue"}
    extras = pd.DataFrame([
        {**who, "driver": "price", "alone": 3.0, "last_in": 2.0, "interaction": np.nan},
        {**who, "driver": TOTAL, "alone": np.nan, "last_in": np.nan, "interaction": -1.0},
    ])  # fmt: skip
    found = summarise(table, extras=extras)
    assert list(found.columns) == list(SUMMARY)
    by_driver = found.set_index("driver")
    assert by_driver.loc["price", ["alone", "last_in"]].tolist() == [3, 2]
    assert by_driver.loc[TOTAL, "interaction"] == -1
    assert by_driver.loc[TOTAL, "mean"] == 0
    assert by_driver.loc["volume", ["alone", "last_in", "interaction"]].isna().all()


def test_every_driver_of_revenue_is_there_for_every_segment() -> None:
    found = bridge(world(BASE), world(BASE))
    assert (found["value"] == 0).all()
    rows = found[found["metric"] == "revenue"]
    assert set(rows["driver"]) == {*PLAYERS, "other"}
    assert set(rows["segment"]) == {"small"}
