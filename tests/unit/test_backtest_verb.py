"""``tobsim validate source=DIR``: what came is another replication of the same model, so that the truth is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scenarios import compose, run
from scenarios.cli import DONE, WRONG, main
from scenarios.runs.actual import Actual
from scenarios.runs.backtest import COURSE, PAGE, TABLE, frames

SMALL = ["market.accounts=120", "progress=false", "report.enabled=false", "forecast.enabled=false", "tables=[]",
         "execution.workers=1"]  # fmt: skip
THEN = "horizon.start=2025-04-01"
AHEAD = ("2025-04", "2025-05", "2025-06")
MONEY = ("cash", "arr", "revenue")
"""Metrics of which two replications are hardly ever equal."""

DOUBLE = "policy.products.seats.price={small: 600, medium: 560, large: 480}"
"""Twice the list price of the type; buyers who do not mind it sign as before."""

HEEDLESS = [f"effects.{stop}.price_ratio.strength=0" for stop in ("sign", "convert", "renew")]


def past_of(folder: Path, replications: int) -> Path:
    """A run over half a year."""
    study = compose("tool", [*SMALL, *HEEDLESS, "horizon.days=181", f"replications={replications}"])
    return run(study, folder / "past").path


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return past_of(tmp_path_factory.mktemp("past"), 2)


@pytest.fixture(scope="module")
def folder(past: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study folder with what came after its start in replication 1 of the past, and what was before."""
    place = tmp_path_factory.mktemp("study")
    rows = months(past)
    known = rows[(rows["replication"] == 1) & rows["metric"].isin([*MONEY, "signed", "signed_amount"])]
    known[["metric", "month", "value"]].rename(columns={"month": "period"}).to_csv(place / "actual.csv", index=False)
    return place


def months(folder: Path) -> pd.DataFrame:
    """Metrics of the whole by month."""
    table = pd.read_parquet(folder / "metrics.parquet")
    table = table[(table["period"] == "month") & table["dim1"].isna() & table["value"].notna()]
    return table.assign(month=table["ds"].astype("datetime64[us]").dt.strftime("%Y-%m"))


def words(past: Path, out: Path, *more: str, replication: int = 1, count: int = 8) -> list[str]:
    """Settings of a study that goes on where a replication of the past stood, with chances of its own."""
    begin = [f"market.opening.run={past}", f"market.opening.replication={replication}", THEN, "horizon.days=91"]
    return ["business=tool", *SMALL, *HEEDLESS, *begin, "seed=7", f"replications={count}", f"out={out}", *more]


@pytest.fixture(scope="module")
def made(past: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a back-test."""
    out = tmp_path_factory.mktemp("made") / "run"
    assert main(["validate", f"source={folder}", *words(past, out)]) == DONE
    return out


def scores(folder: Path) -> pd.DataFrame:
    table = pd.read_csv(folder / f"{TABLE}.csv", encoding="utf-8-sig")
    return table[table["horizon"] == "all"].set_index("metric")


def test_it_scores_and_keeps_what_it_found(made: Path) -> None:
    """Typed tables, as text too, and a page."""
    found, course = pd.read_parquet(made / f"{TABLE}.parquet"), pd.read_parquet(made / f"{COURSE}.parquet")
    assert str(found["n"].dtype) == str(found["held_80"].dtype) == "int64"
    assert str(course["ds"].dtype).startswith("datetime64")
    assert scores(made)["n"].eq(3).all()
    assert scores(made)["rival"].eq("naive").all()
    assert scores(made)["history"].eq(3).all()
    simulated = months(made).query("metric == 'cash'").groupby("month")["value"].mean()
    assert course.query("metric == 'cash'")["mean"].to_numpy() == pytest.approx(simulated.to_numpy())
    assert (made / PAGE).read_text("utf-8").count("backtest-") >= 5


def test_the_run_is_sound_and_can_be_scored_again(made: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without being simulated again; its own check knows nothing of the scores."""
    before = (made / f"{TABLE}.csv").read_bytes(), (made / "metrics.parquet").stat().st_mtime_ns
    assert main(["validate", str(made)]) == DONE
    assert main(["validate", f"source={made}", f"actual={folder}/actual.csv"]) == DONE
    assert ((made / f"{TABLE}.csv").read_bytes(), (made / "metrics.parquet").stat().st_mtime_ns) == before
    assert "80 % intervals held" in capsys.readouterr().out


@pytest.mark.slow
def test_a_doubled_price_is_a_bias_of_amounts_and_not_of_numbers(
    made: Path, past: Path, folder: Path, tmp_path: Path
) -> None:
    """What is signed is worth twice as much; who signs stays, because nobody minds."""
    assert main(["validate", f"source={folder}", *words(past, tmp_path / "dear", DOUBLE)]) == DONE
    plain, dear = scores(made), scores(tmp_path / "dear")
    assert dear.loc["signed", "bias"] == plain.loc["signed", "bias"]
    assert dear.loc["signed_amount", "simulated"] == pytest.approx(2 * plain.loc["signed_amount", "simulated"])
    more = plain.loc["signed_amount", "simulated"] / plain.loc["signed_amount", "actual"]
    assert dear.loc["signed_amount", "bias_share"] - plain.loc["signed_amount", "bias_share"] == pytest.approx(more)


def test_each_replication_against_the_others_is_held_as_often_as_promised(made: Path) -> None:
    """Each value but the least and the greatest, where these are alone, lies within the range of the other seven."""
    table, truth = pd.read_parquet(made / "metrics.parquet"), months(made)
    held = [scored(table[table["replication"] != left], truth, left)["held_80"].sum() for left in range(8)]
    groups = truth[truth["metric"].isin(MONEY)].groupby(["metric", "month"])["value"]
    alone = groups.agg(lambda v: int((v == v.min()).sum() == 1) + int((v == v.max()).sum() == 1))
    assert sum(held) == 8 * len(MONEY) * len(AHEAD) - alone.sum()
    assert alone["cash"].sum() >= 4


def scored(metrics: pd.DataFrame, truth: pd.DataFrame, replication: int) -> pd.DataFrame:
    """Scores of the money over all months, one replication being what came."""
    rows = truth[(truth["replication"] == replication) & truth["month"].isin(AHEAD)]
    came = {
        (metric, "", ""): pd.Series(part["value"].to_numpy(), pd.to_datetime(part["month"])).sort_index()
        for metric, part in rows[rows["metric"].isin(MONEY)].groupby("metric")
    }
    table, _ = frames(metrics, Actual("", AHEAD, came))
    return table[table["horizon"] == "all"]


@pytest.mark.slow
def test_what_came_is_held_as_often_as_promised_after_an_opening(tmp_path: Path) -> None:
    """Sixteen worlds, each gone on with from its own state by other chances: 80 per cent, and the range of 19 holds 90.

    Months and metrics of one world hang together, so that worlds are what is independent.
    """
    past = past_of(tmp_path, 16)
    shares = []
    for world in range(16):
        made = run(compose(overrides=words(past, tmp_path / str(world), replication=world, count=19)))
        rows = scored(made.metrics, months(past), world)
        shares.append([rows[key].sum() / rows["n"].sum() for key in ("held_80", "held_95")])
    mean, error = np.mean(shares, axis=0), np.std(shares, axis=0, ddof=1) / 4
    assert (np.abs(mean - [0.8, 0.9]) < 3.5 * error).all()
    assert (error < 0.08).all()


@pytest.mark.parametrize(
    ("source", "more", "problem"),
    [
        ("nowhere", [], 'source: does not exist, got "nowhere"'),
        ("actual.csv", [], "source: is a file"),
        (".", [], "source: holds no study, got . without business/NAME.yaml"),
        (".", ["business=tool"], "source: starts from an empty company, got . without market.opening"),
        (".", ["business=tool", "opening=tool", "actual=no.csv"], 'actual.path: does not exist, got "no.csv"'),
        (".", ["business=tool", "opening=tool", "actual.sepp=x"], "actual.sepp: is an unknown key"),
        (".", ["business=tool", "opening=tool", "actual=null", "horizon.days=1"], "nothing of the horizon to score"),
        ("run", ["replications=3"], "arguments: are of no use for a run that is done"),
    ],
)
def test_what_cannot_be_scored_is_one_line(
    source: str, more: list[str], problem: str, made: Path, folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """And nothing is written."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(folder / "actual.csv", tmp_path)
    (tmp_path / "run").symlink_to(made)
    there = sorted(tmp_path.rglob("*"))
    assert main(["validate", f"source={source}", *more]) == WRONG
    told = capsys.readouterr().err.strip()
    assert problem in told
    assert "\n" not in told
    assert sorted(tmp_path.rglob("*")) == there


def test_two_businesses_in_a_folder_have_to_be_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "business").mkdir()
    for name in ("one", "two"):
        (tmp_path / "business" / f"{name}.yaml").write_text("{}")
    assert main(["validate", f"source={tmp_path}"]) == WRONG
    assert "business: is not chosen, got one, two" in capsys.readouterr().err
