"""Files of series: what is refused in one line, what is put aside and counted, and what is kept exactly."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scenarios.cli import DONE, FAILED, WRONG, main
from scenarios.errors import InputError
from scenarios.forecasts.reading import find, read_source
from scenarios.forecasts.series_file import SeriesFile, read_series_file
from scenarios.forecasts.text import MAX_BYTES

SETTINGS: dict[str, Any] = {
    "columns": {"unique_id": "unique_id", "ds": "ds", "y": "y"},
    "hierarchy": [],
    **dict.fromkeys(("date_format", "encoding", "delimiter", "decimal", "floor")),
    "model": "seasonal_naive",
}
HEAD = "unique_id,ds,y\n"
QUICK = [
    "forecast.model=seasonal_naive",
    "forecast.models=[seasonal_naive]",
    "forecast.origins=0",
    "forecast.paths=100",
    "report.enabled=false",
    "progress=false",
]


def write(tmp_path: Path, content: str | bytes, name: str = "series.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path: Path, content: str | bytes, **settings: object) -> SeriesFile:
    return read_series_file(write(tmp_path, content), SETTINGS | settings)


def months(name: str = "a", values: int = 40, first: str = "2020-01-31") -> str:
    """Rows of a monthly series."""
    dates = pd.date_range(first, periods=values, freq="ME").strftime("%Y-%m-%d")
    return "".join(f"{name},{day},{100 + i % 12}\n" for i, day in enumerate(dates))


REFUSED = [
    # content, settings, where, what must be in the line
    ("", {}, "source", "is empty"),
    (HEAD, {}, "source", "has a header and no rows"),
    ("id,ds,y\na,2025-01-01,1\n", {}, "forecast.columns.unique_id", '(found: "id", "ds", "y")'),
    ("unique_id,dss,y\na,2025-01-01,1\n", {}, "forecast.columns.ds", "did you mean dss?"),
    ("unique_id,ds,y,y\na,2025-01-01,1,2\n", {}, "source", 'has a column twice, got "y"'),
    (HEAD.encode() + b"caf\xe9,2025-01-01,1\n", {}, "forecast.encoding", "byte 0xe9 in line 2; the file's own"),
    (HEAD.encode("utf-16"), {}, "forecast.encoding", "forecast.encoding=utf-16"),
    (HEAD.encode() + b"a\0b,2025-01-01,1\n", {}, "source", "NUL characters"),
    (HEAD + '"a,2025-01-01,1\n', {}, "source", "quotes closed and doubled"),
    (HEAD + "a,03/04/2025,1\na,03/05/2025,1\n", {}, "forecast.date_format", "%d/%m/%Y' or forecast.date_format='%m/%d"),
    (HEAD + "a,03.04.2025,1\na,13.05.2025,1\n", {}, "forecast.date_format", "forecast.date_format='%d.%m.%Y'"),
    (HEAD + "a,03/14/25,1\n", {}, "forecast.date_format", "forecast.date_format='%m/%d/%y'"),
    (HEAD + "a,2025-01-01T00:00+08:00,1\na,2025-02-01T00:00Z,1\n", {}, "forecast.columns.ds", "several time zones"),
    (HEAD + "a,2025-01-01,1\n", {"date_format": "day"}, "forecast.date_format", "is no format of a local date"),
    ("unique_id;ds;y\na;2025-01-01;1,500\n", {}, "forecast.decimal", "',' for 1.500 or '.' for 1500"),
    (HEAD + 'a,2025-01-01,"$1,200.50"\n', {}, "forecast.decimal", """forecast.decimal='"."' for 1200.5"""),
    ("unique_id;ds;y\na;2025-01-01;1.310,50\n", {}, "forecast.decimal", """forecast.decimal='","' for 1310.5"""),
    ("shop;day;sales\na;2025-01-01;1\n", {}, "forecast.columns", "{unique_id: "),
    (HEAD + "a,soon,1\na,later,2\na,2025-01-01,3\n", {}, "source", "got 2 of 3 (line 2"),
    (HEAD + "a,Jan 2025,1\na,Feb 2025,2\n", {}, "source", "forecast.date_format, as '%d %b %Y'"),
    (HEAD + "a,2025-01-01,1\n", {"hierarchy": ["region"]}, "forecast.hierarchy.0", "is no column of the file"),
    (b"PK\x03\x04" + b"x" * 50, {}, "source", "a spreadsheet or an archive"),
    (b"\x1f\x8b\x08\x00broken", {}, "source", "cannot be unpacked"),
    (b"PAR1broken", {}, "source", "a damaged Parquet file"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "settings", "where", "words"), REFUSED, ids=[case[3][:30] for case in REFUSED])
def test_a_wrong_file_is_one_line(
    tmp_path: Path, content: str | bytes, settings: dict[str, object], where: str, words: str
) -> None:
    """Where, what, got, and what would be right."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, content, **settings)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{where}: "), problem
    assert words in problem
    assert "got" in problem
    assert "\n" not in problem


ASIDE = [
    # a row, why it is put aside
    ("a,2025-01-01", "another number of cells"),
    ("a,2025-01-01,1,2", "another number of cells"),
    ("a,soon,1", '"soon" is no date'),
    ("a,03/04/2025,1", "no date with the year first"),
    ("a,2025-02-30,1", '"2025-02-30" is no date'),
    ("a,0001-01-01,1", "the year 1 lies outside"),
    ("a,,1", "has no date"),
    ("a,2025-01-01,many", '"many" is no number'),
    ("a,2025-01-01,$5", '"$5" is no number'),
    ("a,2025-01-01,inf", '"inf" is no number'),
    ("a,2025-01-01,1e16", "is larger than 1e+15"),
    (" ,2025-01-01,1", "has no id"),
    ("x" * 201 + ",2025-01-01,1", "over 200 characters"),
    ("a\x07b,2025-01-01,1", "control characters"),
]


@pytest.mark.parametrize(("row", "reason"), ASIDE, ids=[case[1][:25] + case[0][-6:] for case in ASIDE])
def test_a_wrong_row_is_put_aside_and_counted(tmp_path: Path, row: str, reason: str) -> None:
    """The line, the reason and the row itself; everything else is used."""
    found = read(tmp_path, HEAD + "a,2024-11-30,5\n" + row + "\na,2024-12-31,6\n")
    assert found.series["y"].tolist() == [5, 6]
    assert found.rejects["line"].tolist() == [3]
    assert reason in found.rejects["reason"][0]
    assert found.rejects["text"][0] == row[:200]
    assert found.warnings == ("1 of 3 rows was put aside: rejects.csv says why",)


def test_of_conflicting_rows_none_is_believed(tmp_path: Path) -> None:
    """Nobody knows which is right; exact duplicates say the same and are dropped."""
    found = read(tmp_path, HEAD + "a,2025-01-31,1\na,2025-01-31,1\na,2025-02-28,2\na,2025-02-28,3\na,2025-03-31,4\n")
    assert found.series["y"].tolist() == [1, 4]
    assert found.rejects["line"].tolist() == [4, 5]
    assert found.warnings[0] == "1 exact duplicate was dropped"


def test_ids_are_text_as_they_stand(tmp_path: Path) -> None:
    """Zeros in front, words that mean nothing elsewhere, formulas, any script."""
    ids = ["007", "NA", "null", "nan", "TRUE", "=1+1", "客户甲", " a ", "1e5"]
    found = read(tmp_path, HEAD + "".join(f"{name},2025-01-31,1\n" for name in ids))
    assert found.series["unique_id"].tolist() == ids


def test_values_of_any_size_and_sign_are_kept(tmp_path: Path) -> None:
    """Zero, negative, 1e15; an empty cell or a word for nothing is a missing value."""
    cells = ["0", "-5", "1e15", "+.5", "", "NA", "null", "-", "1."]
    dates = pd.date_range("2025-01-31", periods=len(cells), freq="ME").strftime("%Y-%m-%d")
    found = read(tmp_path, HEAD + "".join(f"a,{d},{c}\n" for d, c in zip(dates, cells, strict=True)))
    np.testing.assert_array_equal(found.series["y"], [0, -5, 1e15, 0.5, *[np.nan] * 4, 1])


@pytest.mark.parametrize("text", ["2025-03-04", "2025/3/4", "20250304", "2025-03-04 00:00:00", "2025-03-04T00:00"])
def test_dates_with_the_year_first_need_no_format(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, f"{HEAD}a,{text},1\n").series["ds"][0] == pd.Timestamp("2025-03-04")


@pytest.mark.parametrize(("text", "day"), [("2025-03", "2025-03-01"), ("2025", "2025-01-01"), ("2025Q3", "2025-07-01"),
                                           ("2025-Q1", "2025-01-01"), ("2025-W02", "2025-01-06")])  # fmt: skip
def test_periods_stand_for_their_first_day(tmp_path: Path, text: str, day: str) -> None:
    assert read(tmp_path, f"{HEAD}a,{text},1\n").series["ds"][0] == pd.Timestamp(day)


def test_a_declared_format_of_dates_and_numbers_is_followed(tmp_path: Path) -> None:
    rows = 'a,30/04/2025,"$1,200.50"\na,31/05/2025,-€3\na,30/06/2025,"1,000,000 CNY"\na,31/07/2025,7\n'
    found = read(tmp_path, HEAD + rows, date_format="%d/%m/%Y", decimal=".")
    assert found.series["y"].tolist() == [1200.5, -3, 1e6, 7]
    found = read(tmp_path, 'unique_id,ds,y\na,2025-01-31,"1.200,50"\na,2025-02-28,"3,5"\n', decimal=",")
    assert found.series["y"].tolist() == [1200.5, 3.5]


def test_semicolons_and_decimal_commas_are_found_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, "unique_id;ds;y\na;2025-01-31;1,5\na;2025-02-28;2,25\na;2025-03-31;7\n")
    assert found.series["y"].tolist() == [1.5, 2.25, 7]
    assert found.warnings == ('cells are separated by ";"', "numbers have a decimal comma")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "latin-1", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with and without byte order mark need no declaration."""
    name = "café" if encoding == "latin-1" else "客户甲"
    raw = f"{HEAD}{name},2025-01-31,1\n".encode(encoding)
    declared = None if encoding.startswith("utf-8") else encoding
    assert read(tmp_path, raw, encoding=declared).series["unique_id"][0] == name


def test_one_time_zone_is_dropped_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + "a,2025-01-31T08:00+0800,1\na,2025-02-28T08:00+08:00,2\n")
    assert found.series["ds"][0] == pd.Timestamp("2025-01-31 08:00")
    assert found.warnings == ("dates bear the time zone +08:00; they are taken as local times",)


def test_e_mail_addresses_are_neither_read_nor_shown(tmp_path: Path) -> None:
    """As a column, as an id, in a row that is put aside."""
    rows = "li@corp.cn,2025-01-31,1,zhang@corp.cn\nb,2025-01-31,2,\nb,soon,2,wang@corp.cn\n"
    found = read(tmp_path, "unique_id,ds,y,contact\n" + rows)
    assert found.series["unique_id"].tolist() == ["person-1", "b"]
    assert "@" not in found.rejects.to_csv()
    assert [text.split(" ")[0] for text in found.warnings[:2]] == ["column", "unique_id:"]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, HEAD + months())

    def growing(self: Path) -> bytes:
        with self.open("rb") as stream:
            raw = stream.read()
        with self.open("a") as stream:
            stream.write("a,2025-01-01,1\n")
        return raw

    monkeypatch.setattr(Path, "read_bytes", growing)
    with pytest.raises(InputError, match="changed while it was read"):
        read_series_file(path, SETTINGS)


def test_a_compressed_bomb_is_refused(tmp_path: Path) -> None:
    member = gzip.compress(b"0" * 2**24)
    with pytest.raises(InputError, match="unpacks to too much"):
        read(tmp_path, member * (MAX_BYTES // 2**24 + 1))
    assert read(tmp_path, gzip.compress((HEAD + months()).encode())).rows == 40


@pytest.mark.parametrize("place", ["absent.csv", "folder", "pipe", "link.csv"])
def test_places_that_are_no_file(tmp_path: Path, place: str) -> None:
    """A link to a file is a file; anything else that cannot be read to its end is refused."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.csv").symlink_to(write(tmp_path, HEAD + months()))
    if place == "link.csv":
        assert read_source(tmp_path / place, SETTINGS).rows == 40
        return
    with pytest.raises(InputError) as caught:
        read_source(tmp_path / place, SETTINGS)
    assert caught.value.problems[0].startswith("source: ")
    assert len(caught.value.problems) == 1


def test_a_single_date_in_a_file_that_is_not_monthly_is_no_series(tmp_path: Path) -> None:
    """A line with a total at the end must not become a monthly forecast."""
    days = "".join(f"a,2025-01-{day:02d},{day}\n" for day in range(1, 29))
    found = read_source(write(tmp_path, HEAD + days + "total,2025-01-31,406\n"), SETTINGS)
    assert found.series["unique_id"].unique().tolist() == ["a"]
    assert found.failures is not None
    assert found.failures["reason"].tolist() == ["a single date says no frequency"]
    found = read_source(write(tmp_path, HEAD + months() + "new,2023-04-30,4\n"), SETTINGS)
    assert found.series["unique_id"].unique().tolist() == ["a", "new"]


def test_several_files_and_files_beside_runs_are_refused(tmp_path: Path) -> None:
    first, second = write(tmp_path, HEAD, "a.csv"), write(tmp_path, HEAD, "b.csv")
    with pytest.raises(InputError, match="names several files"):
        find([first, second])
    with pytest.raises(InputError, match="matches no run folder"):
        find(str(tmp_path / "*"))
    with pytest.raises(InputError, match="is empty"):
        find([])


@pytest.mark.slow
def test_a_million_rows_are_read_in_seconds(tmp_path: Path) -> None:
    days = np.datetime_as_string(np.datetime64("2000-01") + np.arange(250), unit="D")
    rows = "\n".join(f"s{i // 250},{days[i % 250]},{i * 0.37:.2f}" for i in range(1_000_000))
    path = write(tmp_path, HEAD + rows)
    began = time.process_time()
    found = read_series_file(path, SETTINGS)
    assert time.process_time() - began < 20
    assert len(found.series) == 1_000_000
    assert found.series["unique_id"].nunique() == 4000


# Through the command


def test_what_is_refused_writes_nothing_and_exits_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, HEAD + "a,03/04/2025,1\n")
    write(tmp_path, HEAD + "a,2020-01-01,\nb,2020-01-01,\n", "missing.csv")
    write(tmp_path, "ds,x\n2020-01-31,1\n", "past.csv")
    write(tmp_path, HEAD + months(), "good.csv")
    before = sorted(path.name for path in tmp_path.iterdir())
    cases = [
        (["source=series.csv"], "error: forecast.date_format: is needed"),
        (["source=missing.csv"], "error: source: has no series that can be forecast"),
        (
            ["source=good.csv", "forecast.regressors=past.csv"],
            'error: forecast.regressors: has no future, got no value of "x"',
        ),
        (["source=good.csv", "forecast.changes={a:{at:2021-01-31}}"], "error: forecast.model: cannot be used"),
        (["source=good.csv", "business=tool"], "error: business: is not read by tobsim forecast"),
        (["source=good.csv", "truth=true"], "error: truth: is known of one run only, got file"),
        (
            ["source=good.csv", "forecast.targets={t:{series:b,value:1}}"],
            "error: forecast.targets.t.series: is no series",
        ),
        (
            ["source=good.csv", "forecast.targets={t:{series:a,value:1,by:2099-01-01}}"],
            "error: forecast.targets: cannot",
        ),
        (["forecast.horizon=3"], "error: source: is missing"),
    ]
    for words, line in cases:
        assert main(["forecast", *QUICK, *words]) == WRONG, words
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith(line), shown.err
        assert shown.err.count("\n") == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_series_that_cannot_be_forecast_are_rows_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All missing: a failure. Constant or short: a simpler model and a note. Dates without rhythm: a failure."""
    wild = "".join(f"wild,2020-{m:02d}-{d:02d},{m}\n" for m, d in ((1, 1), (1, 2), (1, 20), (3, 1), (8, 3), (8, 9)))
    constant = "".join(line.rpartition(",")[0] + ",7\n" for line in months("same").splitlines())
    missing = "".join(f"missing,{day},\n" for day in ("2022-01-31", "2022-02-28"))
    path = write(tmp_path, HEAD + months("=cmd()") + constant + missing + wild + "short,2023-01-31,5\n")
    out = tmp_path / "out"
    assert main(["forecast", f"source={path}", f"out={out}", *QUICK]) == FAILED
    shown = capsys.readouterr()
    failed = [line for line in shown.err.splitlines() if line.startswith("failed: ")]
    assert [line.split('"')[1] for line in failed] == ["missing", "wild"]
    failures = pd.read_csv(out / "failures.csv")
    assert failures["unique_id"].tolist() == ["missing", "wild"]
    table = pd.read_parquet(out / "forecast.parquet")
    assert set(table["unique_id"]) == {"=cmd()", "same", "short"}
    assert table.loc[table["unique_id"] == "short", "note"].str.len().min() > 0
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)
    written = (out / "forecast.csv").read_text("utf-8-sig")
    assert "'=cmd()" in written
    assert "\n=cmd()" not in written


def test_rows_put_aside_are_a_file_and_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, HEAD + months() + "a,soon,1\n=x,2020-01-31\n")
    out = tmp_path / "out"
    assert main(["forecast", f"source={path}", f"out={out}", *QUICK]) == DONE
    assert "warning: 2 of 42 rows were put aside: rejects.csv says why" in capsys.readouterr().err
    rejects = pd.read_csv(out / "rejects.csv", encoding="utf-8-sig")
    assert rejects["line"].tolist() == [42, 43]
    assert rejects["text"][1] == "'=x,2020-01-31"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["source"]["rows"] == 42
