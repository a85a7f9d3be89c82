"""Sheets of the books: income by month and fiscal year, cash flow, balance sheet. Subtotals are live formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.metrics.books import COSTS, REVENUE
from analysis.replications import willink_bounds
from analysis.statements import ASSETS, EQUITY, LIABILITIES, Statements
from scenarios.runs.exports.workbook.book import Book, Line, Sheet
from scenarios.runs.exports.workbook.periods import month_names, years
from sim.events import LEDGER_ACCOUNTS
from sim.units import MINOR

INCOME, YEARLY, CASH, BALANCE = "P&L by month", "P&L by year", "Cash flow", "Balance sheet"
"""Names of the sheets."""

INVESTING, FINANCING = ("fixed_assets",), ("equity", "debt")

CASH_NAMES = {
    "receivable": "Received from customers", "retention_money": "Retentions received",
    "commission_payable": "Commissions paid", "cost_of_sales": "Cost of sales paid", "payroll": "Payroll paid",
    "marketing": "Marketing paid", "subsidy": "Subsidies paid", "fixed_cost": "Fixed costs paid",
    "equity": "Paid in by the owners", "debt": "Borrowed", "tax": "Tax paid",
}  # fmt: skip
"""What a movement of cash against an account is called."""

LEVEL = 0.95
RANGES = {
    "Revenue": REVENUE,
    "Gross profit": (*REVENUE, "cost_of_sales"),
    "Operating profit": (*REVENUE, *COSTS),
}
"""Figures that have an interval beside them, with the accounts they are made of."""


@dataclass(frozen=True)
class Income:
    """Lines of the sheet of income that other sheets refer to."""

    lines: tuple[tuple[Line, bool], ...]
    result: Line


def named(account: str) -> str:
    """An account of the ledger as a label."""
    return account.removeprefix("revenue_").replace("_", " ").capitalize()


def major(minor: np.ndarray) -> np.ndarray:
    """Whole cents as money."""
    return np.asarray(minor) / MINOR


def _gap(above: Line, below: Line) -> tuple[Callable[[int], str], np.ndarray]:
    return lambda m: f"{above.cell(m)}-{below.cell(m)}", np.round(above.values - below.values, 2)


def _difference(sheet: Sheet, label: str, above: Line, below: Line) -> Line:
    text, values = _gap(above, below)
    return sheet.formulas(label, text, values, bold=True)


def _intervals(sheet: Sheet, samples: Callable[[tuple[str, ...]], np.ndarray]) -> None:
    """Bounds of the means, where there are replications to tell; ``samples`` gives replications by columns."""
    if len(samples(REVENUE)) < 2:
        return
    sheet.section(f"{LEVEL:.0%} interval of the mean over replications")
    for name, accounts in RANGES.items():
        for label, bound in zip(("low", "high"), willink_bounds(samples(accounts).T, LEVEL), strict=True):
            sheet.constants(f"{name}, {label}", major(np.round(bound)))


def income_sheet(book: Book, books: Statements) -> Income:
    """Income by month; costs are positive figures."""
    sheet = book.sheet(INCOME, books.calendar.months)
    sheet.title("Income by month", "Means over replications, whole cents. Costs are positive; profits are formulas.")
    sheet.headings(month_names(books.calendar))
    lines: list[tuple[Line, bool]] = []

    def put(line: Line, constant: bool = False) -> Line:
        lines.append((line, constant))
        return line

    def account(name: str, sign: int) -> Line:
        return put(sheet.constants(named(name), major(sign * books.gain(name)[1:])), True)

    revenue = put(sheet.total("Revenue", [account(name, 1) for name in books.used(REVENUE) or REVENUE[:1]]))
    gross = put(_difference(sheet, "Gross profit", revenue, account("cost_of_sales", -1)))
    costs = [account(name, -1) for name in books.used(COSTS) if name != "cost_of_sales"] or [account("payroll", -1)]
    operating = put(_difference(sheet, "Operating profit", gross, put(sheet.total("Operating costs", costs))))
    result = put(_difference(sheet, "Result", operating, account("tax", -1)))
    _margin(sheet, gross, revenue)
    _intervals(sheet, lambda names: books.gains(*names)[:, 1:])
    return Income(tuple(lines), result)


def _margin(sheet: Sheet, gross: Line, revenue: Line) -> None:
    safe = np.where(revenue.values != 0, revenue.values, np.nan)
    text = lambda m: f'IF({revenue.cell(m)}=0,"",{gross.cell(m)}/{revenue.cell(m)})'  # noqa: E731
    sheet.formulas("Gross margin", text, gross.values / safe, "share")


def yearly_sheet(book: Book, books: Statements, income: Income) -> None:
    """Income by fiscal year, every figure a sum over the sheet of months."""
    spans = list(years(books.calendar))
    sheet = book.sheet(YEARLY, len(spans) + 1)
    sheet.title("Income by fiscal year", "Sums over the sheet of months.")
    sheet.headings([*(name for name, _, _ in spans), "all"])
    every = [*((first, last) for _, first, last in spans), (0, books.calendar.months - 1)]
    for line, constant in income.lines:
        values = [line.values[first : last + 1].sum() for first, last in every]
        text = lambda place, line=line: f"SUM({line.span(*every[place])})"  # noqa: E731
        sheet.formulas(line.label, text, np.round(values, 2), bold=not constant)

    def samples(names: tuple[str, ...]) -> np.ndarray:
        gains = books.gains(*names)[:, 1:]
        return np.stack([gains[:, first : last + 1].sum(axis=1) for first, last in every], axis=1)

    _intervals(sheet, samples)


def balance_sheet(book: Book, books: Statements) -> dict[str, Line]:
    """Balances at the end of every month and before the start; the last line is zero where they balance."""
    months = books.calendar.months
    sheet = book.sheet(BALANCE, months + 1)
    sheet.title("Balance sheet", "At the end of every month, means over replications, whole cents.")
    sheet.headings(["before", *month_names(books.calendar)])
    lines: dict[str, Line] = {}

    def side(title: str, names: Sequence[str], extra: Sequence[tuple[str, np.ndarray]] = ()) -> Line:
        sheet.section(title)
        figures = [(name, books.balance(name)) for name in names]
        for name, values in (*figures, *extra):
            lines[name] = sheet.constants(named(name), major(values))
        return sheet.total(f"{title}, sum", [lines[name] for name, _ in (*figures, *extra)])

    assets = side("Assets", tuple(dict.fromkeys(("cash", *books.used(ASSETS)))))
    owed = side("Liabilities", books.used(LIABILITIES) or LIABILITIES[:1])
    own = side("Equity", EQUITY, [("result so far", books.result())])
    sheet.section("Check")
    text = lambda m: f"ROUND({assets.cell(m)}-{owed.cell(m)}-{own.cell(m)},2)"  # noqa: E731
    gap = np.round(assets.values - owed.values - own.values, 2)
    sheet.formulas("Assets less liabilities less equity", text, gap, "cents", bold=True)
    return lines


def cash_sheet(book: Book, books: Statements, income: Income, balances: dict[str, Line]) -> None:
    """What moved cash, by month, and why it differs from the result."""
    months = books.calendar.months
    sheet = book.sheet(CASH, months)
    sheet.title("Cash flow", "Cash in is positive, cash out negative; the balance ties to the balance sheet.")
    sheet.headings(month_names(books.calendar))
    before = balances["cash"].values[:-1]
    opening = sheet.formulas("Cash at the beginning", balances["cash"].outer, before, bold=True)
    parts = [_moves(sheet, books, title, names) for title, names in _activities(books).items() if names]
    parts = parts or [_moves(sheet, books, "Operating", ["receivable"])]
    sheet.row += 1
    values = np.sum([part.values for part in parts], axis=0)
    change = sheet.formulas("Change of cash", lambda m: "+".join(p.cell(m) for p in parts), values, bold=True)
    closing = sheet.formulas(
        "Cash at the end", lambda m: f"{opening.cell(m)}+{change.cell(m)}", opening.values + change.values, bold=True
    )
    gap = np.round(closing.values - balances["cash"].values[1:], 2)
    text = lambda m: f"ROUND({closing.cell(m)}-{balances['cash'].outer(m + 1)},2)"  # noqa: E731
    sheet.formulas("Cash at the end less the balance sheet", text, gap, "cents")
    _bridge(sheet, income, balances, change)


def _activities(books: Statements) -> dict[str, list[str]]:
    moved = [n for n in LEDGER_ACCOUNTS if n != "cash" and books.cash_with(n).any()]
    return {
        "Operating": [n for n in moved if n not in (*INVESTING, *FINANCING)],
        "Investing": [n for n in moved if n in INVESTING],
        "Financing": [n for n in moved if n in FINANCING],
    }


def _moves(sheet: Sheet, books: Statements, title: str, names: Sequence[str]) -> Line:
    sheet.section(title)
    figures = [(CASH_NAMES.get(name, named(name)), books.cash_with(name)[1:]) for name in names]
    lines = [sheet.constants(label, major(moved)) for label, moved in figures]
    return sheet.total(f"{title}, sum", lines)


def _bridge(sheet: Sheet, income: Income, balances: dict[str, Line], change: Line) -> None:
    """From the result to the change of cash, by the growth of every other balance."""
    sheet.section("From result to cash")
    lines = [sheet.formulas("Result", income.result.outer, income.result.values)]
    for name, line in balances.items():
        if name in ("cash", "result so far"):
            continue
        first, second = (1, 0) if name not in ASSETS else (0, 1)
        text = lambda m, line=line, a=first, b=second: f"{line.outer(m + a)}-{line.outer(m + b)}"  # noqa: E731
        values = np.diff(line.values) * (1 if name not in ASSETS else -1)
        word = "Less growth of" if name in ASSETS else "Growth of"
        lines.append(sheet.formulas(f"{word} {name.replace('_', ' ')}", text, values))
    total = sheet.total("Change of cash", lines)
    gap = np.round(total.values - change.values, 2)
    sheet.formulas("Less the change above", lambda m: f"ROUND({total.cell(m)}-{change.cell(m)},2)", gap, "cents")
