"""Budgets read from a file: what it becomes, and what is refused with one line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import pytest

from scenarios.errors import InputError
from scenarios.studies.compose import compose
from scenarios.studies.study import Study, restore

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
GOOD = "channel,month,amount\nsearch,2025-02,30000\nsearch,2025-03,1234.56\n"


def mini(file: Path, settings: str = "", *overrides: str) -> Study:
    words = ["effects=none", "market.accounts=60", f"policy.budgets={{path: '{file}'{settings}}}", *overrides]
    return compose("mini", words, config_dir=MINI)


def budget(study: Study) -> dict[str, float]:
    found: dict[str, float] = study.config["policy"]["channels"]["search"]["budget"]
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "budgets.csv"
    path.write_text(GOOD, "utf-8")
    return path


def test_a_file_is_as_good_as_keys(file: Path) -> None:
    study = mini(file)
    assert budget(study) == {"2025-02": 30000, "2025-03": 1234.56}
    assert [dated.spec.policy.channels["search"].spend_month for dated in study.timeline.later] == [
        30000,
        1234.56,
        2000,
    ]
    origins = {row["key"]: row["source"] for row in study.inputs}
    assert origins["policy.channels.search.budget.2025-02"] == "file of budgets"


def test_what_is_set_holds_against_the_file(file: Path) -> None:
    study = mini(file, "", "policy.channels.search.budget.2025-03=7")
    assert budget(study) == {"2025-02": 30000, "2025-03": 7}
    assert budget(restore(study.source)) == budget(study)


def test_the_content_counts_and_not_the_path(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(file.read_bytes())
    assert mini(file).digest == mini(other).digest
    other.write_text(GOOD.replace("30000", "30001"), "utf-8")
    assert mini(file).digest != mini(other).digest


def test_headers_months_and_encodings_of_ones_own(file: Path) -> None:
    file.write_text("渠道,月份,金额\nsearch,02/2025,30000\n", "gb18030")
    settings = ", encoding: gb18030, month_format: '%m/%Y', columns: {channel: '渠道', month: '月份', amount: '金额'}"
    assert budget(mini(file, settings)) == {"2025-02": 30000}
    file.write_text("\ufeff" + GOOD.replace("2025-02", "2025-02-28").replace("2025-03", "2025-03-01"), "utf-8")
    assert budget(mini(file, ", month_format: '%Y-%m-%d'")) == {"2025-02": 30000, "2025-03": 1234.56}


@pytest.mark.parametrize(
    ("text", "settings", "line"),
    [
        ("", "", "path: is empty"),
        ("channel,month,amount\n", "", "path: has a header and no rows"),
        ("channel,month\nsearch,2025-02\n", "", 'columns.amount: is no column of the file, got "amount"'),
        ("channel,month,month\nsearch,2025-02,3\n", "", "path: a column is there twice"),
        ("channel,month,amount\nsearch,2025-02\n", "", "path: rows do not have the 3 cells of the header, got line 2"),
        (GOOD.replace("search", "serch"), "", 'columns.channel: is no channel of the policy, got "serch" (lines 2, 3)'),
        (
            GOOD.replace("2025-03", "03/2025"),
            "",
            'columns.month: is no month of the form %Y-%m, got "03/2025" (line 3)',
        ),
        (GOOD, ", month_format: '%H'", "month_format: is no format of a month"),
        (GOOD.replace("30000", '"30,000"'), "", 'columns.amount: is no amount, got "30,000" (line 2)'),
        (GOOD.replace("30000", "-1"), "", 'columns.amount: is no amount, got "-1" (line 2)'),
        (GOOD.replace("30000", ""), "", 'columns.amount: is no amount, got "" (line 2)'),
        (GOOD.replace("30000", "nan"), "", 'columns.amount: is no amount, got "nan" (line 2)'),
        (GOOD.replace("30000", "1" * 16), "", "columns.amount: is no amount"),
        (GOOD.replace("2025-03", "2025-02"), "", "path: has a month of a channel twice, got search 2025-02 (line 3)"),
        (GOOD, ", columns: {chanel: x}", 'columns.chanel: is unknown, got "x"; did you mean channel?'),
        (GOOD, ", month: x", "month: is an unknown key"),
        (GOOD, ", columns: [month]", "columns: must be a mapping"),
        (GOOD, ", month_format: '%m/%m/%Y'", "month_format: is no format of a month"),
        (GOOD, ", encoding: utf-17", "encoding: is unknown"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(file: Path, text: str, settings: str, line: str) -> None:
    file.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        mini(file, settings)
    found = [problem for problem in caught.value.problems if line in problem]
    assert len(found) == 1, caught.value.problems
    assert found[0].startswith("policy.budgets.")


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        mini(tmp_path / "none.csv")
    (problem,) = caught.value.problems
    assert problem.startswith("policy.budgets.path: does not exist, got ")


@pytest.mark.parametrize("wrong", ["5", "[1]"])
def test_a_budget_beside_the_file_that_is_none_is_one_line(file: Path, wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        mini(file, "", f"policy.channels.search.budget={wrong}")
    assert [problem.split(": ")[0] for problem in caught.value.problems] == ["policy.channels.search.budget"]


@pytest.mark.parametrize("settings", ["", ", month_format: '%m/%Y'"])
def test_months_of_a_workbook_may_be_dates(tmp_path: Path, settings: str) -> None:
    book = openpyxl.Workbook()
    for row in (["channel", "month", "amount"], ["search", date(2025, 2, 1), 30000], ["search", date(2025, 3, 1), 0.5]):
        book.active.append(row)
    book.save(tmp_path / "budgets.xlsx")
    assert budget(mini(tmp_path / "budgets.xlsx", settings)) == {"2025-02": 30000, "2025-03": 0.5}
