"""Calibration: whether intervals hold as often as they promise, over all steps and step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.forecasts.charts import calibration, tracks
from analysis.report.forecasts.folder import ALL
from analysis.report.forecasts.view import View

if TYPE_CHECKING:
    import pandas as pd


def calibrated(view: View) -> Panel | None:
    """Whether intervals hold as often as they promise: over all steps by model, and by step."""
    table, text = view.folder.calibration, view.text
    together, by_step = table[table["step"] == ALL], table[table["step"] != ALL]
    if together.empty and by_step.empty:
        return None
    charts = [_plot(view, together)] if len(together) else []
    own = by_step[by_step["model"] == view.main]
    charts += [_steps(view, own)] if len(own) else []
    rows = [_calibrated(view, row) for row in together.to_dict("records")]
    columns = ("model", "promised", "found", "values", "calibration.verdict")
    head = [text(f"forecasts.{c}") for c in columns]
    title = text("forecasts.calibration.table")
    blocks: list[Block] = [Charts(charts)] if charts else []
    blocks += [Table(head, rows, title=title, folded=True, dense=True)] if rows else []
    lead = text("forecasts.calibration.lead")
    return Panel("calibration", text("forecasts.calibration.title"), _held(view, together), lead, blocks)


def percents(table: pd.DataFrame, index: str) -> pd.DataFrame:
    """Shares of a table in per cent by one of its columns."""
    found = table.assign(**{index: table[index].astype(float)}).set_index(index).sort_index()
    return found[["covered", "low", "high"]].astype(float) * 100


def _plot(view: View, table: pd.DataFrame) -> Chart:
    text = view.text
    order = [m for m in view.models if m in set(table["model"])] or list(dict.fromkeys(table["model"]))
    frames = {view.model(m): percents(table[table["model"] == m], "level") for m in order}
    words = view.words(text("forecasts.calibration.equal"), text("forecasts.calibration.promised"), dates=False)
    note = text("forecasts.calibration.note")
    return Chart("calibration", text("forecasts.calibration.chart"), _percent(view), note, calibration(frames, words))


def _percent(view: View) -> str:
    return view.text("format.percent", value="").strip()


def _steps(view: View, table: pd.DataFrame) -> Chart:
    text, levels = view.text, sorted(table["level"].dropna().unique())
    frames = {
        view.interval_name(round(v)): percents(table[table["level"] == v], "step").rename(columns={"covered": "value"})
        for v in levels
    }
    figure = tracks(frames, [float(v) for v in levels], view.words(text("forecasts.step"), dates=False))
    title, note = (
        text("forecasts.calibration.steps"),
        text("forecasts.calibration.steps_note", model=view.model(view.main)),
    )
    return Chart("calibration-steps", title, _percent(view), note, figure)


def _held(view: View, table: pd.DataFrame) -> str:
    """Which intervals of the model in use hold as often as they promise."""
    own = table[table["model"] == view.main].to_dict("records")
    judged = [(view.say.percent(r["level"] / 100), _side(r)) for r in own if r["low"] == r["low"]]
    if not judged:
        return view.text("forecasts.calibration.unknown")
    parts = []
    for side in ("held", "narrow", "wide"):
        levels = [level for level, found in judged if found == side]
        if levels:
            parts.append(view.text(f"forecasts.calibration.{side}", levels=view.text("words.and").join(levels)))
    joined = view.text("words.notes").join(parts)
    return view.text("forecasts.calibration.headline", model=view.model(view.main), parts=joined)


def _side(row: dict[Any, Any]) -> str:
    promised = float(row["level"]) / 100
    if row["low"] <= promised <= row["high"]:
        return "held"
    return "narrow" if row["high"] < promised else "wide"


def _calibrated(view: View, row: dict[Any, Any]) -> list[Cell]:
    found = Cell(view.say.percent(row["covered"]), view.shares(row["low"], row["high"]))
    known = row["low"] == row["low"]
    side = view.text(f"forecasts.calibration.is_{_side(row)}") if known else view.text("format.undefined")
    look = "mute" if not known else "good" if _side(row) == "held" else "bad"
    values = Cell(view.text.number(row["n"], "count"))
    return [
        Cell(view.model(row["model"])),
        Cell(view.say.percent(row["level"] / 100)),
        found,
        values,
        Cell(side, look=look),
    ]
