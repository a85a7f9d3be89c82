"""Tables as of a cutoff: the small story stopped on its days, and a future that changes nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.asof import as_of
from analysis.metrics import compute
from analysis.tables import RUN_TABLES, Tables
from tests.fixtures.small_tables import accounts, context, day, events, frame, ledger, opportunities, tables


def text(column: pd.Series) -> list[str | None]:
    """Values of a column of categories."""
    return [None if pd.isna(value) else str(value) for value in column]


def days(column: pd.Series) -> list[float | None]:
    """Dates as days of the story."""
    return [None if pd.isna(value) else (value - day(0)) / pd.Timedelta(days=1) for value in column]


def test_accounts_as_they_stood_on_day_160() -> None:
    """0 and 3 are customers, 1 has just become one, 2 is lost, 4 and 5 were never reached."""
    found = as_of(tables(), 160)["accounts"]
    assert found["customer"].tolist() == [True, True, False, True, False, False]
    assert text(found["last_stage"]) == ["service", "service", "pool", "service", None, None]
    assert text(found["channel"]) == ["ads", "ads", "web", "ads", None, None]
    assert days(found["signed_at"]) == [14, 130, None, 90, None, None]
    assert days(found["churned_at"]) == [None] * 6


def test_what_happens_at_the_cutoff_is_not_known_yet() -> None:
    assert [as_of(tables(), time)["accounts"]["customer"][1] for time in (130, 130.001)] == [False, True]
    assert [len(as_of(tables(), time)["opportunities"]) for time in (102, 102.001)] == [3, 4]


def test_a_customer_that_left_and_came_back() -> None:
    """3 leaves on day 400 and signs again on day 520."""
    found = [as_of(tables(), time)["accounts"].loc[3] for time in (390, 410, 530)]
    assert [row["customer"] for row in found] == [True, False, True]
    assert [row["last_stage"] for row in found] == ["service", "pool", "service"]
    assert pd.isna(found[0]["churned_at"])
    assert found[1]["churned_at"] == found[2]["churned_at"] == day(400)


def test_deals_as_they_stood_on_day_120() -> None:
    """0 is won, the first deal of 1 lost, its second and that of 3 (day 90) decided or not."""
    found = as_of(tables(), 120)["opportunities"]
    assert found["account"].tolist() == [0, 1, 3, 1]
    assert text(found["outcome"]) == ["won", "lost", "won", "open"]
    assert days(found["closed"]) == [14, 26, 90, None]
    assert days(found["signed_at"]) == [14, None, 90, None]
    assert found["amount"].tolist() == [120_000, pd.NA, 1_200_000, pd.NA]
    assert text(found["stage"])[3] == "sales"


def test_contracts_as_they_stood_on_day_300() -> None:
    """The first contract of 0 was upgraded on day 200; 1 leaves on day 500 and 3 on day 400, which nobody knows."""
    found = as_of(tables(), 300)["subscriptions"]
    assert found["contract"].tolist() == [0, 1, 3, 4]
    assert days(found["ended"]) == [200, None, None, None]
    assert text(found["outcome"]) == ["upgraded", "open", "open", "open"]
    assert days(found["end"]) == [379, 379, 495, 455]


def test_visits_under_way_are_open_and_no_others() -> None:
    log = as_of(tables(), 6.5)["events"]
    found = log[log["note"].astype(object) == "open"]
    assert found[["account", "activity", "stage"]].astype(str).to_numpy().tolist() == [
        ["0", "started", "sales"],
        ["1", "queued", "sales"],
    ]


def test_a_note_of_the_end_is_no_note_of_the_past() -> None:
    story = events()
    last = story["account"].eq(0) & story["activity"].eq("queued") & story["time"].eq(24)
    note = pd.Series("open", story.index).where(last).astype("category")
    log = as_of(tables(events=story.assign(note=note)), 380)["events"]
    found = log[log["note"].astype(object) == "open"]
    assert found.loc[found["account"] == 0, "time"].tolist() == [379]


def test_months_count_when_they_are_over() -> None:
    assert as_of(tables(), 31)["staffing"]["ds"].unique().tolist() == [pd.Timestamp("2025-01-31")]
    assert as_of(tables(), 30.9)["staffing"].empty
    assert as_of(tables(), 59.5)["monthly"]["ds"].max() == pd.Timestamp("2025-02-28")


def test_the_future_changes_nothing() -> None:
    """Whatever a later story says, the past stands: it is cut before it is read."""
    cutoff = 160.0
    later = events()
    later = later[later["time"] < cutoff]
    bankrupt = frame(
        "events", [{"account": a, "activity": "churned", "time": 300, "timestamp": day(300)} for a in (0, 3)]
    )
    people, deals, books = accounts(), opportunities(), ledger()
    people = people.assign(customer=~people["customer"], last_stage=pd.Categorical(["sales"] * 6))
    unknown = deals["closed"] >= day(cutoff)
    deals = deals.assign(outcome=deals["outcome"].mask(unknown, "lost"), stage=pd.Categorical(["end"] * len(deals)))
    other = tables(
        events=pd.concat([later, bankrupt], ignore_index=True),
        accounts=people, opportunities=deals, ledger=books[books["time"] < 2 * cutoff],
    )  # fmt: skip
    ours, theirs = as_of(other, cutoff), as_of(tables(), cutoff)
    for name in RUN_TABLES:
        pd.testing.assert_frame_equal(plain(ours[name]), plain(theirs[name]))


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Values, whatever columns hold them in."""
    return table.astype(object).where(table.notna(), None)


def test_metrics_can_be_computed_of_it() -> None:
    metrics = compute(as_of(tables(), 365), context(days=365))
    signed = metrics[(metrics["metric"] == "signed") & (metrics["period"] == "horizon") & metrics["dim1"].isna()]
    assert signed["value"].tolist() == [3]


def test_a_cutoff_before_everything_leaves_accounts_alone() -> None:
    past = as_of(tables(), 0)
    assert [len(past[name]) for name in RUN_TABLES] == [6, 0, 0, 0, 0, 0, 0, 0]
    assert not past["accounts"]["customer"].any()
    assert past["accounts"][["channel", "last_stage", "owner", "signed_at"]].isna().all(axis=None)


def test_what_cannot_be_cut_is_refused() -> None:
    two = tables(accounts=pd.concat([accounts(), frame("accounts", [{"account": 9}], replication=1)]))
    with pytest.raises(ValueError, match="of one replication, got several"):
        as_of(two, 100)
    with pytest.raises(ValueError, match="rebuilt from the event log, which is empty"):
        as_of(tables(events=frame("events", [])), 100)
    with pytest.raises(ValueError, match="neither an event nor a posting"):
        as_of(Tables({"accounts": accounts()}), 100)
    with pytest.raises(KeyError, match="computed from the other tables"):
        as_of(tables(), 100)["metrics"]
