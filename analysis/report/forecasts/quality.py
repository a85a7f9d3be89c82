"""How good the forecasts are: scores from earlier cutoffs beside those of the seasonal naive forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.comparison.charts import Bar, height
from analysis.report.forecasts.charts import beside
from analysis.report.forecasts.view import MOST_ROWS, NAIVE, View

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("mase", "wis")
"""Measures that are shown as ratios to the seasonal naive forecast."""


def backtest(view: View) -> Panel | None:
    """Models from earlier cutoffs, scored on what came afterwards."""
    if not view.models:
        return None
    text, rivals = view.text, [m for m in view.models if m != NAIVE]
    if not view.tried:
        lead = text("forecasts.backtest.short", steps=view.what()["steps"])
        return Panel("backtest", text("forecasts.backtest.title"), text("forecasts.backtest.none"), lead, [])
    charts = [_ratios(view, rivals, m) for m in MEASURES if any(_bounded(view, r, m) for r in rivals)]
    blocks: list[Block] = [Charts(charts)] if charts else []
    blocks += [_models(view), *_by_series(view)]
    head, lead = " ".join([accuracy(view), covered(view)]), text("forecasts.backtest.lead", **counts(view))
    return Panel("backtest", text("forecasts.backtest.title"), head.strip(), lead, blocks)


def accuracy(view: View) -> str:
    """The model in use beside the seasonal naive one, as a sentence."""
    score, text = view.score(view.main, "mase"), view.text
    if view.main == NAIVE or score["ratio"] != score["ratio"]:
        return text("forecasts.backtest.alone", model=view.model(view.main), mase=view.decimal(score["mean"]))
    key = "better" if score["ratio_high"] < 1 else "worse" if score["ratio_low"] > 1 else "open"
    fields = {"model": view.model(view.main), "ratio": view.ratio(score)}
    if score["ratio_low"] != score["ratio_low"]:
        key = "few"
    return text(f"forecasts.backtest.{key}", **fields)


def covered(view: View) -> str:
    """How often the intervals of the model in use held what came, as a sentence."""
    parts = held(view, "forecasts.backtest.covered")
    return view.text("forecasts.backtest.coverage", parts=parts) if parts else ""


def held(view: View, key: str) -> str:
    """How often the intervals of each level held what came, each in the words of ``key``; empty without a backtest."""
    parts = [_held(view, level, key) for level in view.folder.levels]
    return view.text("words.list").join(p for p in parts if p)


def _held(view: View, level: int, key: str) -> str:
    score = view.score(view.main, f"cov{level}")
    if score["mean"] != score["mean"]:
        return ""
    bounds = view.shares(score["low"], score["high"])
    share = view.say.percent(score["mean"])
    shown = view.text("forecasts.with_interval", value=share, interval=bounds) if bounds else share
    return view.text(key, level=view.say.percent(level / 100), share=shown)


def counts(view: View, model: str = "") -> dict[str, str]:
    """Series that were scored, and origins of a series at most; of one model, or of all."""
    table = view.folder.backtest
    scored = table[table["steps"] > 0] if "steps" in table else table.iloc[:0]
    own = scored[scored["model"] == model] if model else scored
    origins = own.groupby("unique_id")["cutoff"].nunique()
    return {"series": view.text.count(len(origins)), "origins": view.text.count(max(origins, default=0))}


def _bounded(view: View, model: str, measure: str) -> bool:
    """Whether a ratio has an interval: without one, a dot would say more than is known; the table has the ratio."""
    bound = view.score(model, measure)["ratio_low"]
    return bound == bound


def _ratios(view: View, models: list[str], measure: str) -> Chart:
    text, bars = view.text, []
    for model in models:
        score = view.score(model, measure)
        if score["ratio"] == score["ratio"]:
            bounds, label = (score["ratio_low"], score["ratio_high"]), view.decimal(score["ratio"])
            firm = bounds[1] < 1 or bounds[0] > 1
            bars.append(Bar(view.model(model), score["ratio"], *bounds, label, firm=firm))
    title = text("forecasts.backtest.chart", measure=text(f"forecasts.{measure}"))
    figure = beside(bars, (1.0,), view.words(dates=False))
    return Chart(f"ratio-{measure}", title, "", text("forecasts.backtest.chart_note"), figure, height(len(bars)))


def _models(view: View) -> Table:
    text, levels = view.text, view.folder.levels
    head = [text("forecasts.model"), text("forecasts.mase"), text("forecasts.ratio"), text("forecasts.wis")]
    head += [text("forecasts.ratio"), *(text("forecasts.covered", level=view.say.percent(v / 100)) for v in levels)]
    rows = [_model(view, m) for m in view.models]
    return Table(head, rows, title=text("forecasts.backtest.table"), note=text("forecasts.backtest.table_note"))


def _model(view: View, model: str) -> list[Cell]:
    rows = view.score(model, "mase")["rows"]
    scored = view.text("forecasts.backtest.rows", rows=view.text.count(rows)) if rows == rows else ""
    cells = [Cell(view.model(model), scored)]
    for measure in MEASURES:
        score = view.score(model, measure)
        cells.append(Cell(view.decimal(score["mean"]), view.between(score["low"], score["high"])))
        cells.append(_ratio(view, score, model))
    for level in view.folder.levels:
        score = view.score(model, f"cov{level}")
        cells.append(Cell(view.say.percent(score["mean"]), view.shares(score["low"], score["high"])))
    return cells


def _ratio(view: View, score: dict[str, float], model: str) -> Cell:
    bounds = view.between(score["ratio_low"], score["ratio_high"])
    if model == NAIVE or not bounds:
        return Cell(view.decimal(score["ratio"]), look="mute")
    firm = score["ratio_high"] < 1 or score["ratio_low"] > 1
    return Cell(view.decimal(score["ratio"]), bounds, "firm" if firm else "loose")


def _by_series(view: View) -> list[Block]:
    """MASE of every series and model, means over the origins."""
    table, text = view.folder.backtest, view.text
    if "mase" not in table or table["mase"].notna().sum() == 0:
        return []
    means = table.pivot_table(index="unique_id", columns="model", values="mase", sort=False, dropna=False)
    means = means.reindex(columns=[m for m in view.models if m in means.columns])
    rows = [
        [Cell(view.series(str(name))), *(Cell(view.decimal(float(v)), look=_lowest(v, row)) for v in row)]
        for name, row in means.head(MOST_ROWS).iterrows()
    ]
    title = text("forecasts.backtest.by_series", count=text.count(len(means)))
    note = text("forecasts.backtest.by_series_note")
    if len(means) > MOST_ROWS:
        note = f"{note} {text('forecasts.cut', rows=text.count(MOST_ROWS))}"
    head = [text("forecasts.series"), *(view.model(str(m)) for m in means.columns)]
    return [Table(head, rows, title=title, note=note, folded=True, dense=True)] if rows else []


def _lowest(value: float, row: pd.Series) -> str:
    return "firm" if len(row) > 1 and value == row.min() else ""
