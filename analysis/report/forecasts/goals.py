"""Targets: how likely series reach a value by a date."""

from __future__ import annotations

from typing import Any

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.comparison.charts import Bar, height
from analysis.report.forecasts.charts import beside
from analysis.report.forecasts.folder import CHANCES, CHANCES_AT
from analysis.report.forecasts.view import View

WHOLE = (0.0, 100.0)
"""Probabilities in per cent."""


def targets(view: View) -> Panel | None:
    """How likely series reach a value by a date."""
    table, text = view.folder.targets, view.text
    if table.empty:
        return None
    rows = table.to_dict("records")
    head = " ".join(_reached(view, row) for row in rows[:3])
    bars = [_bar(view, row) for row in rows]
    percent = text("format.percent", value="")
    chart = Chart("targets", text("forecasts.targets.chart"), percent.strip(), text("forecasts.targets.note"),
                  beside(bars, (50.0,), view.words(dates=False), WHOLE), height(len(bars)))  # fmt: skip
    columns = ("target", "probability", "at", "paths")
    names = [text(f"forecasts.targets.{c}") for c in columns]
    cells = [
        [Cell(r["target"], goal(view, r)), *_chances(view, r), Cell(text.number(r["paths"], "count"))] for r in rows
    ]
    blocks: list[Block] = [Charts([chart], wide=True), Table(names, cells)]
    return Panel("targets", text("forecasts.targets.title"), head, text("forecasts.targets.lead"), blocks)


def goal(view: View, row: dict[Any, Any]) -> str:
    """What a target asks for, as a sentence."""
    value = view.say.value(float(row["value"]), view.unit(row["unique_id"]))
    sense = view.text.name("senses", row["sense"])
    fields = {"series": view.series(row["unique_id"]), "sense": sense, "value": value, "by": row["by"]}
    return view.text("forecasts.targets.goal", **fields)


def chance(view: View, row: dict[Any, Any]) -> str:
    """The probability of a target with its interval, in one phrase."""
    bounds = view.shares(float(row["low"]), float(row["high"]))
    value = view.say.percent(float(row["probability"]))
    return view.text("forecasts.with_interval", value=value, interval=bounds) if bounds else value


def _chances(view: View, row: dict[Any, Any]) -> list[Cell]:
    """The probability by the date, and that on the date."""
    found = [[float(row[c]) for c in columns] for columns in (CHANCES, CHANCES_AT)]
    return [Cell(view.say.percent(value), view.shares(low, high)) for value, low, high in found]


def _reached(view: View, row: dict[Any, Any]) -> str:
    fields = {"target": row["target"], "goal": goal(view, row), "chance": view.say.percent(float(row["probability"]))}
    return view.text("forecasts.targets.headline", **fields)


def _bar(view: View, row: dict[Any, Any]) -> Bar:
    value, low, high = (100 * float(row[c]) for c in ("probability", "low", "high"))
    label = view.say.percent(float(row["probability"]))
    return Bar(row["target"], value, low, high, label, firm=low > 50 or high < 50)
