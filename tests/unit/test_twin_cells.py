"""Formulas and values of the twin in one: delays, stocks, and the route of a business by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenarios.runs.exports.workbook.book import Book
from scenarios.runs.exports.workbook.twin.cells import Cells, Expr, Grid, called, of, ratio, total


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    book = Book(tmp_path / "book.xlsx", "test")
    return Grid(book.sheet("Flow", 6), 6)


def values(line: Cells) -> list[float]:
    return [line.value(m) for m in range(6)]


def cell(address: str, value: float) -> Expr:
    return Expr(lambda m, home: address, lambda m: value)


@pytest.mark.parametrize(
    ("months", "expected"),
    [(0.0, [8, 8, 8, 8, 8, 8]), (1.0, [0, 8, 8, 8, 8, 8]), (1.25, [0, 6, 8, 8, 8, 8]), (9.0, [0] * 6)],
)
def test_a_delay_shifts_an_even_inflow(grid: Grid, months: float, expected: list[float]) -> None:
    came = grid.constants("came", np.full(6, 8.0))
    assert values(grid.line("left", came.lag(of(months)))) == expected


def test_what_comes_in_one_month_leaves_in_two_neighbours(grid: Grid) -> None:
    came = grid.constants("came", np.array([0, 12.0, 0, 0, 0, 0]))
    assert values(grid.line("left", came.lag(of(2.25)))) == [0, 0, 0, 9, 3, 0]


def test_a_circle_over_a_month_is_worked_out(grid: Grid) -> None:
    """Of 100 a month later 50 come again, and so on."""
    first = grid.constants("first", np.array([100.0, 0, 0, 0, 0, 0]))
    came = grid.declare("came")
    came.define(first + came.lag(of(1.0), 1) * 0.5)
    grid.evaluate()
    assert values(came) == [100, 50, 25, 12.5, 6.25, 3.125]


def test_the_text_of_a_circle_refers_to_no_figure_of_its_own_month(grid: Grid) -> None:
    came = grid.declare("came").define(of(1.0))
    text = came.lag(cell("X1", 1.0), 1).text(3, "Flow")
    assert "$C2:E2" in text
    assert "F2" not in text


def test_sums_of_delays_are_one_factor(grid: Grid) -> None:
    """Both halves of a delay are multiplied by what follows it."""
    came = grid.constants("came", np.full(6, 8.0))
    text = (came.lag(cell("X1", 0.5)) * cell("X2", 0.25)).text(2, "Flow")
    assert text.startswith("(((1-MOD(X1,1))*")
    assert text.endswith(")*X2)")


def test_literals_are_folded() -> None:
    a = cell("A1", 3.0)
    assert (a * 1.0).text(0, "") == (a + 0.0).text(0, "") == "A1"
    assert (a * 0.0).known == 0
    assert (of(1.0) - of(1.0)).known == 0
    assert total([]).known == 0


def test_functions_and_quotients(grid: Grid) -> None:
    a, b = cell("A1", 3.0), cell("B1", 0.0)
    assert called("MAX", max, a, 1.0).text(0, "") == "MAX(A1,1)"
    assert (ratio(a, b).value(0), ratio(a, a).value(0)) == (0.0, 1.0)
    assert ratio(a, b).text(0, "") == "IF(B1>0,A1/B1,0)"


def test_a_line_is_named_with_its_sheet_from_another_one(grid: Grid) -> None:
    line = grid.constants("came", np.arange(6.0))
    assert (line.text(1, "Flow"), line.text(1, "Other"), line.before().text(0, "Flow")) == ("D2", "Flow!D2", "0")
