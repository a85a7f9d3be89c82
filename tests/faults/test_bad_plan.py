"""Targets and plan files that cannot be used: one line each, before anything is run or written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from scenarios.cli import WRONG, main
from scenarios.errors import InputError
from scenarios.intake.plan import PlannedRow, read_plan
from scenarios.runs.targets import planned
from scenarios.studies.compose import compose

SHORT = ["horizon.days=400", "replications=1", "progress=false"]


def rows(tmp_path: Path, content: str | bytes, name: str = "plan.csv", **settings: Any) -> list[PlannedRow]:
    """Rows of a plan file with this content."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_plan({"path": str(path), **settings}, 12)[0]


def problem(tmp_path: Path, content: str | bytes, **settings: Any) -> str:
    """The one thing that is wrong with a plan file."""
    with pytest.raises(InputError) as caught:
        rows(tmp_path, content, **settings)
    (text,) = caught.value.problems
    return text


def figures(found: list[PlannedRow]) -> list[tuple[str, str, float, str]]:
    """What the rows say, in short."""
    return [(row.metric, row.period.text, row.value, row.level) for row in found]


def test_long_tables(tmp_path: Path) -> None:
    """Texts as they are; names of metrics in any case; blank lines passed over."""
    text = "\ufeffMetric,Period,Value,team,note\nActive customers,2025-03,50,,x\n\nNPS,2025-q1, 40 ,sales,\n"
    assert figures(rows(tmp_path, text)) == [("active_customers", "2025-03", 50, ""), ("NPS", "2025-Q1", 40, "sales")]


def test_wide_tables(tmp_path: Path) -> None:
    """One column for every period; an empty cell is no figure."""
    text = "metric,segment,2025-01,2025-02-01,FY2025,comment\nrevenue,,10,20,100,a\nsigned,small,,3,,\n"
    assert figures(rows(tmp_path, text)) == [
        ("revenue", "2025-01", 10, ""), ("revenue", "2025-02", 20, ""), ("revenue", "FY2025", 100, ""),
        ("signed", "2025-02", 3, "small"),
    ]  # fmt: skip


def test_declared_columns_numbers_and_names(tmp_path: Path) -> None:
    """Columns and metrics under names of their own, another encoding, a decimal comma, groups of digits."""
    text = "指标;期间;数值\n营业收入;2025-03;¥ 1.200,50\n".encode("gb18030")
    told = {
        "columns": {"metric": "指标", "period": "期间", "value": "数值"},
        "values": {"metric": {"revenue": ["营业收入"]}},
        "encoding": "gb18030", "delimiter": ";", "decimal": ",", "thousands": ".", "currency": "¥",
    }  # fmt: skip
    assert figures(rows(tmp_path, text, **told)) == [("revenue", "2025-03", 1200.5, "")]


def test_workbooks(tmp_path: Path) -> None:
    """Months as a spreadsheet keeps them, on the sheet that is named."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Budget")
    sheet.append(["Metric", datetime(2025, 1, 1), datetime(2025, 2, 28), "FY2025", "Comment"])
    sheet.append(["Revenue", 1000, 1500.5, None, "x"])
    path = tmp_path / "plan.xlsx"
    book.save(path)
    found = read_plan({"path": str(path), "sheet": "Budget"}, 12)[0]
    assert figures(found) == [("revenue", "2025-01", 1000, ""), ("revenue", "2025-02", 1500.5, "")]
    with pytest.raises(InputError, match="did you mean Budget"):
        read_plan({"path": str(path), "sheet": "Budgte"}, 12)


def test_senses_and_parts(tmp_path: Path) -> None:
    text = (
        "metric,period,value,at_least,dim,level\ncac,FY2025,9,,,\ncac,2025-Q1,9,true,,\nsigned,FY2025,3,<=,segment,x\n"
    )
    found = rows(tmp_path, text)
    assert [row.at_least for row in found] == [None, True, False]
    assert (found[2].dim, found[2].level) == ("segment", "x")


def test_equal_rows_count_once(tmp_path: Path) -> None:
    assert len(rows(tmp_path, "metric,period,value\narr,FY2025,1\narr,FY2025,1.0\n")) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "plan.path: is empty, got "),
        ("metric,period,value\n", "plan.path: has a header and no rows, got "),
        ("metric,period,value,value\na,b,c,d\n", 'plan.path: a column is there twice, got "value"; one header each'),
        ("metric;period;value\narr;FY2025;1\n", "plan.columns.metric: is no column of the file (cells seem to be"),
        ("metric,when,value\narr,FY2025,1\n", "plan.columns.period: is no column of the file, got no period; columns"),
        ("metric,period,value\narr,FY2025\n", "plan.path: rows do not have the 3 cells of the header, got line 2;"),
        ('metric,period,value\n"arr,FY2025,1\n', "plan.path: is no CSV (unexpected end of data)"),
        ("metric,period,value\narr,2025-13,1\n", 'period "2025-13" (a month from 01 to 12, as in 2025-03) in line 2'),
        ("metric,period,value\narr,2025,1\n", 'got period "2025" (did you mean FY2025?) in line 2;'),
        ("metric,period,value\narr,FY2025,\n", "got no value in line 2; a metric, a period and a number in every row"),
        ("metric,period,value\n,FY2025,1\n", "plan.path: rows cannot be used, got no metric in line 2;"),
        ("metric,period,value\narr,FY2025,many\n", 'got value "many" (is no number'),
        ('metric,period,value\narr,FY2025,"1,5"\n', "(is no number (a decimal comma needs decimal: ','))"),
        ("metric,period,value\narr,FY2025,\"1,200,000\"\n", "(groups of digits need thousands: ',')"),
        ("metric,period,value\narr,FY2025,$5\n", "(a currency needs currency: '$')"),
        ("metric,period,value\narr,FY2025,1e16\n", 'got value "1e16"'),
        ("metric,period,value\narr,FY2025,nan\n", 'got value "nan" (is no number'),
        ("metric,period,value,at_least\narr,FY2025,1,perhaps\n", 'got at_least "perhaps" (true or false) in line 2'),
        ("metric,period,value,dim,level\narr,FY2025,1,country,x\n", 'got dim "country" (one of channel, desk'),
        ("metric,period,value,dim,level\narr,FY2025,1,segment,\n", "got no level of segment in line 2"),
        ("metric,period,value,segment,team\narr,FY2025,1,x,y\n", "got both segment and team in line 2"),
        ("metric,period,value\narr,FY2025,1\narr,fy2025,2\n", 'got "arr FY2025" in lines 2 and 3; one'),
        (b"metric,period,value\n\xe9,FY2025,1\n", "plan.encoding: does not fit the file (utf-8), got byte 0xe9"),
        (b"metric,period,value\na\x00,FY2025,1\n", "plan.path: is no text, got NUL characters"),
        (b"PK\x03\x04 and no workbook", "plan.path: "),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(tmp_path: Path, content: str | bytes, expected: str) -> None:
    assert expected in problem(tmp_path, content)


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    text = "metric,period,value\narr,FY2025,1\n"
    assert 'got "metrik"; did you mean metric?' in problem(tmp_path, text, columns={"metrik": "metric"})
    assert 'got "Metrik"; did you mean metric?' in problem(tmp_path, text, columns={"metric": "Metrik"})
    assert "plan.values.metric.arrr: is no metric" in problem(tmp_path, text, values={"metric": {"arrr": ["x"]}})
    assert "plan.values.team" in problem(tmp_path, text, values={"team": {"sales": ["x"]}})
    assert "plan.encoding: is unknown" in problem(tmp_path, text, encoding="utf-99")
    assert "plan.delimiter: must be one character" in problem(tmp_path, text, delimiter=";;")
    with pytest.raises(InputError, match="does not exist"):
        read_plan({"path": str(tmp_path / "nothing.csv")}, 12)
    with pytest.raises(InputError, match="is no file"):
        read_plan({"path": str(tmp_path)}, 12)


def test_everything_that_is_wrong_with_rows_is_told_at_once(tmp_path: Path) -> None:
    text = "metric,period,value\n" + "arr,FY2025,x\n" * 9
    found = problem(tmp_path, text)
    assert "in line 2" in found
    assert found.endswith("and 4 more; a metric, a period and a number in every row")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{metric: revenu, period: FY2025, value: 1}", 'metric: is unknown, got "revenu"; did you mean revenue?'),
        ("{metric: arr, period: 2025-3, value: 1}", 'period: is no period, got "2025-3"; did you mean 2025-03?'),
        ("{metric: arr, period: 2027-03, value: 1}", "the months end in 2025-01 to 2026-01"),
        ("{metric: arr, period: 2026-Q1, value: 1}", "the quarters end in 2025-03 to 2025-12"),
        ("{metric: cycle_days, period: 2025-03, value: 1}", "period: is not measured for cycle_days, got"),
        ("{metric: arr, period: FY2025, value: 1, segment: smal}", 'segment: is no segment of the study, got "smal"'),
        ("{metric: arr, period: FY2025, value: 1, team: sales}", "team: arr is not measured by team"),
        ("{metric: won, period: FY2025, value: 1}", "metric: is unknown"),
        ("{metric: signed_amount, period: FY2025, value: 1, owner: bob}", 'owner: is nobody of the desks, got "bob"'),
        ("{metric: signed_amount, period: FY2025, value: 1, owner: sales-1, team: sales}", "two parts at once"),
        ("{metric: arr, period: FY2025}", "value: is missing"),
        ("{metric: arr, period: FY2025, value: many}", "value: must be a number"),
        ("{metric: arr, period: FY2025, value: 1, by: 2025-01-01}", "by: is an unknown key"),
    ],
)
def test_targets_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], entry: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "business=tool", *SHORT, f"targets={{goal: {entry}}}"]) == WRONG
    told = capsys.readouterr().err
    assert told.count("error: ") == 1
    assert expected in told
    assert not list(tmp_path.iterdir())


def test_comparisons_refuse_before_they_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["compare", "business=tool", "scenarios=[baseline,auto_then_sales]", *SHORT, "plan=nothing.csv"]
    assert main(words) == WRONG
    assert capsys.readouterr().err.startswith('error: plan.path: does not exist, got "nothing.csv"')
    assert not list(tmp_path.iterdir())


def test_what_the_model_has_not_is_kept_with_the_rest(tmp_path: Path) -> None:
    """A budget holds more than a model: nothing of it is dropped."""
    path = tmp_path / "budget.csv"
    path.write_text("metric,period,value\narr,FY2025,9\nNet promoter score,FY2025,40\narr,FY2030,9\n")
    found = planned(compose("tool", [f"plan={path}", *SHORT]).config)
    assert [t.name for t in found.targets] == ["arr FY2025", "Net promoter score FY2025", "arr FY2030"]
    assert found.digest
