"""Which model was chosen for which series, and by what."""

from __future__ import annotations

from analysis.report.blocks import Block, Cell, Panel, Shares, Table
from analysis.report.forecasts.view import MOST_ROWS, View

MOST_SHARES, MOST_OPEN = 5, 12
"""Models that have a part of their own in the bar, and rows of a table that is not folded."""


def chosen(view: View) -> Panel | None:
    """How often each model was chosen, and where."""
    table, text = view.folder.choice, view.text
    if table.empty:
        return None
    counts = table["model"].value_counts()
    most = {"model": view.model(str(counts.index[0])), "count": text.count(counts.iloc[0])}
    head = text("forecasts.choice.headline", **most, total=text.count(len(table)))
    blocks: list[Block] = [Shares(_parts(view)), _table(view)]
    return Panel("choice", text("forecasts.choice.title"), head, text("forecasts.choice.lead"), blocks)


def _parts(view: View) -> list[tuple[str, str, float]]:
    counts = view.folder.choice["model"].value_counts()
    own = counts if len(counts) <= MOST_SHARES else counts.iloc[: MOST_SHARES - 1]
    found = [(view.model(str(m)), int(n)) for m, n in own.items()]
    rest = int(counts.sum() - own.sum())
    found += [(view.text("forecasts.choice.others"), rest)] if rest else []
    return [(name, view.text.count(n), n / counts.sum()) for name, n in found]


def _table(view: View) -> Table:
    table, text = view.folder.choice, view.text
    rows = [
        [
            Cell(view.series(r["unique_id"])),
            Cell(view.model(r["model"]), look="left"),
            Cell(text.name("choices", r["by"]), look="left"),
        ]
        for r in table.head(MOST_ROWS).to_dict("records")
    ]
    head = [text("forecasts.series"), text("forecasts.model"), text("forecasts.choice.by")]
    note = text("forecasts.cut", rows=text.count(MOST_ROWS)) if len(table) > MOST_ROWS else ""
    title = text("forecasts.choice.table", count=text.count(len(table)))
    return Table(head, rows, title=title, note=note, folded=len(rows) > MOST_OPEN, dense=True)
