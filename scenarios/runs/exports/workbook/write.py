"""The workbook of a run: which sheets it has, and where their figures come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.metrics.view import View
from analysis.statements import statements
from analysis.tables import Tables, read
from scenarios.runs.exports.workbook.accounts import balance_sheet, cash_sheet, income_sheet, yearly_sheet
from scenarios.runs.exports.workbook.book import Book, Sheet
from scenarios.runs.exports.workbook.operations import (
    Monthly,
    arr_sheet,
    funnel_sheet,
    headcount_sheet,
    targets_sheet,
)
from scenarios.runs.exports.workbook.twin.business import TWIN, Builder
from scenarios.runs.exports.workbook.twin.gap import GAP, Job, empty_sheet, gap_sheet, take_apart
from scenarios.runs.exports.workbook.twin.means import inputs_sheet
from scenarios.runs.replicate import metrics_context

if TYPE_CHECKING:
    from analysis.metrics.periods import Calendar
    from scenarios.runs.manifest import Manifest
    from scenarios.studies.study import Study

README = "Read me"

SHEETS = {
    "P&L by month": "income and cost of every month, with intervals of the main figures",
    "P&L by year": "the same by fiscal year, as sums over the months",
    "Balance sheet": "what there is and what is owed at the end of every month",
    "Cash flow": "what moved cash, and why it differs from the result",
    "ARR bridge": "from recurring revenue to recurring revenue",
    "Funnel": "steps from contact to use, by month",
    "Headcount": "people and hours by desk",
    "Targets": "plan and attainment, where the run has targets",
    "Inputs": "every number that entered, with its origin; what is blue may be changed",
    "Twin": "the same business by averages, in formulas that follow Inputs",
    "Twin means": "averages that the twin uses",
    "Twin flow": "how the figures of the twin come about",
    "Why they differ": "from the twin to the simulation: queues, saturation, effects, noise",
}


def write_workbook(run: Path, path: Path, manifest: Manifest, study: Study, again: int) -> None:
    """Write the workbook of a run.

    Parameters
    ----------
    run : Path
        A run folder with its ledger and staffing.
    path : Path
        The file.
    manifest : Manifest
    study : Study
        What was run.
    again : int
        Replications that are simulated again to take the gap to the twin apart, 0 for none.
    """
    calendar = View(Tables({}), metrics_context(study.config)).calendar
    metrics = read(run, "metrics")
    book = Book(path, f"{study.business}, {manifest.study_digest[:8]}")
    first = book.sheet(README)
    _books(book, run, calendar, manifest.done)
    monthly = Monthly(metrics, calendar)
    arr_sheet(book, monthly)
    funnel_sheet(book, monthly)
    headcount_sheet(book, read(run, "staffing"), calendar)
    targets_sheet(book, run)
    _twin(book, run, calendar, study, metrics, manifest.done[:again])
    _readme(first, manifest, study, book)
    book.close()


def _books(book: Book, run: Path, calendar: Calendar, replications: list[int]) -> None:
    found = statements(_postings(run), calendar, replications)
    income = income_sheet(book, found)
    yearly_sheet(book, found, income)
    balances = balance_sheet(book, found)
    cash_sheet(book, found, income, balances)


def _postings(run: Path) -> pd.DataFrame:
    """The columns of the ledger that statements need."""
    import pyarrow.parquet as pq

    columns = ["replication", "time", "debit", "credit", "amount", "memo"]
    frame: pd.DataFrame = pq.read_table(run / "ledger.parquet", columns=columns).to_pandas()
    return frame


def _twin(book: Book, run: Path, calendar: Calendar, study: Study, metrics: pd.DataFrame, numbers: list[int]) -> None:
    inputs = inputs_sheet(book, run / "inputs.csv", study)
    if not calendar.complete:
        book.sheet(TWIN).title("Twin", "No month of the horizon is over: the twin goes by months.")
        return
    twin = Builder(book, study, inputs, calendar).build()
    sheet = book.sheet(GAP, 18)
    if not numbers:
        empty_sheet(sheet, "Nothing was simulated again (again=0), so there is nothing to tell.")
        return
    gap_sheet(sheet, twin, take_apart(study, twin, metrics, numbers, partial(_spread, study)))


def _spread(study: Study, function: Callable[[Job], list[float]], jobs: Iterable[Job]) -> Iterable[list[float]]:
    """Work on jobs in the processes that the study asks for, and tell how far it is."""
    from scenarios.runs.execute import spread
    from scenarios.runs.pool import pool_of
    from scenarios.runs.progress import Progress

    left = list(jobs)
    with Progress(len(left), shown=bool(study.config["progress"])) as progress:
        for found in spread(function, left, pool_of(study.config)):
            progress.count()
            yield found


def _readme(sheet: Sheet, manifest: Manifest, study: Study, book: Book) -> None:
    horizon = study.config["horizon"]
    last = np.datetime64(horizon["start"]) + np.timedelta64(max(int(np.ceil(horizon["days"])) - 1, 0), "D")
    sheet.title(f"{study.config['business'].get('label') or study.business}", "A simulated business, as a workbook.")
    facts = {
        "Business": study.business,
        "From": horizon["start"],
        "To": str(last),
        "Replications": str(len(manifest.done)),
        "Currency": str(study.config["business"].get("currency", "CNY")),
        "Digest of the study": manifest.study_digest,
        "Seed": str(manifest.seed),
        "Version": str(manifest.versions.get("tobsim", "")),
        "Set by the user": " ".join(word for word in manifest.overrides if not word.startswith("out=")),
    }
    sheet.page.set_column(1, 1, 90)
    for name, fact in facts.items():
        sheet.text(sheet.row, 0, name)
        sheet.text(sheet.row, 1, fact)
        sheet.row += 1
    sheet.section("How to read it")
    for line in NOTES:
        sheet.text(sheet.row, 0, line)
        sheet.row += 1
    sheet.section("Sheets")
    there = {page.get_name() for page in book.file.worksheets()}
    for name, meaning in SHEETS.items():
        if name in there:
            sheet.page.write_url(sheet.row, 0, f"internal:'{name}'!A1", string=name)
            sheet.text(sheet.row, 1, meaning)
            sheet.row += 1


NOTES = (
    "Figures are means over replications; one replication is one possible course of the same plan.",
    "Money of the books is whole cents: what went from account to account is rounded once, so that all books balance.",
    "Sums, differences and ratios are formulas. Figures in black are results of the simulation: they do not change.",
    "Change a blue figure on Inputs: the twin follows. For the simulation, run the plan with that key again.",
)
