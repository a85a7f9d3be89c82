"""When the plan fails: boxes of keys in which failures gather, as sentences with coverage and density."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Card, Cards, Cell, Chart, Charts, Notes, Panel, Table
from analysis.report.sweeps.answers import axis, is_words
from analysis.report.sweeps.charts import Axis, boxed
from analysis.report.sweeps.view import View, number

if TYPE_CHECKING:
    import pandas as pd

BOTH = 2
"""Keys that a chart of points can show."""


def rules(view: View) -> list[Panel]:
    """A panel for every scenario whose failures were searched."""
    table = view.folder.discovery
    if not view.threshold or table.empty or not len(view.folder.points):
        return []
    found = [s for s in view.scenarios if (table["scenario"] == s).any()]
    return [_panel(view, scenario, table[table["scenario"] == scenario]) for scenario in found]


def failure(view: View) -> str:
    """What a failure is, in words."""
    side = "below" if view.threshold.get("below") is not None else "above"
    metric = str(view.threshold["metric"])
    value = view.say.value(float(view.threshold[side]), view.unit(metric))
    return view.text(f"sweeps.rules.{side}", metric=view.say.metric(metric), value=value)


def _panel(view: View, scenario: str, table: pd.DataFrame) -> Panel:
    text, boxes = view.text, [part for box, part in table.groupby("box", sort=True) if box >= 1]
    whole = table[table["box"] == 0]
    note = "; ".join(dict.fromkeys(n for n in whole["note"] if n))
    blocks: list[Block] = [Cards(_cards(view, box, n)) for n, box in enumerate(boxes[:1])]
    charts = [c for n, box in enumerate(boxes) if (c := _chart(view, scenario, box, n)) is not None]
    if charts:
        blocks.append(Charts(charts, wide=len(charts) == 1))
    if boxes:
        blocks.append(_table(view, boxes))
    if note:
        blocks.append(Notes(text("sweeps.rules.stopped"), [note]))
    base = float(whole["density"].iloc[0]) if len(whole) else math.nan
    fields = {"failure": failure(view), "base": view.say.percent(base)}
    head = view.told(sentence(view, boxes[0]), scenario) if boxes else text("sweeps.rules.none", **fields)
    key, title = f"rules-{view.scenarios.index(scenario)}", text("sweeps.rules.title")
    lead = " ".join([text("sweeps.rules.base", **fields), text("sweeps.rules.lead")])
    return Panel(key, view.under(title, scenario), head, lead, blocks)


def sentence(view: View, box: pd.DataFrame) -> str:
    """A box as a sentence: its limits, how often the plan fails in it, which share of all failures that is."""
    limits = [limit(view, row) for row in box.to_dict("records")]
    first = box.iloc[0]
    fields = {"density": view.say.percent(first["density"]), "coverage": view.say.percent(first["coverage"])}
    rule = view.text("words.and").join(limits)
    return view.text("sweeps.rules.sentence", rule=rule, failure=failure(view), **fields)


def limit(view: View, row: dict[Any, Any]) -> str:
    """One limit of a box in words."""
    key, low, high = row["key"], row["low"], row["high"]
    name = view.key(key)
    if row["values"]:
        values = view.text("sweeps.rules.or").join(view.setting(key, v.strip()) for v in row["values"].split(", "))
        return view.text("sweeps.rules.is", lever=name, value=values)
    ends = {"low": _bound(view, key, low), "high": _bound(view, key, high)}
    kind = "between" if math.isfinite(low) and math.isfinite(high) else "over" if math.isfinite(low) else "under"
    return view.text(f"sweeps.rules.{kind}", lever=name, **ends)


def _bound(view: View, key: str, value: float) -> str:
    if not math.isfinite(value):
        return ""
    unit, shown = view.text.unit(view.key_unit(key)), view.setting(key, value)
    return view.text("format.with_unit", value=shown, unit=unit) if unit else shown


def _cards(view: View, box: pd.DataFrame, place: int) -> list[Card]:
    text, row = view.text, box.iloc[0]
    names = ("density", "coverage", "mass")
    cards = [Card(text(f"sweeps.rules.{n}"), view.say.percent(row[n]), "", text(f"sweeps.rules.{n}_note"))
             for n in names]  # fmt: skip
    points = text.count(row["points"]) if row["points"] == row["points"] else text("format.undefined")
    return [*cards, Card(text("sweeps.rules.points"), points, "", text("sweeps.rules.box", box=place + 1))]


def _table(view: View, boxes: list[pd.DataFrame]) -> Table:
    text, body = view.text, []
    for n, box in enumerate(boxes):
        row = box.iloc[0]
        rule = text("words.and").join(limit(view, r) for r in box.to_dict("records"))
        shares = [Cell(view.say.percent(row[c])) for c in ("density", "coverage", "mass")]
        chance = text.fixed(row["p"], 2) if row["p"] == row["p"] else text("format.undefined")
        body.append([Cell(text("sweeps.rules.box", box=n + 1)), Cell(rule, look="left"), *shares, Cell(chance)])
    columns = ("rule", "density", "coverage", "mass", "p")
    head = [text("sweeps.rules.box_column"), *(text(f"sweeps.rules.{c}") for c in columns)]
    return Table(head, body, title=text("sweeps.rules.table"), note=text("sweeps.rules.table_note"), numbers=2)


def _chart(view: View, scenario: str, box: pd.DataFrame, place: int) -> Chart | None:
    """Points by the two most telling keys of a box, or by one key and the metric itself."""
    limits = {r["key"]: r for r in box.to_dict("records") if _drawable(view, r["key"])}
    keys = list(limits)[:BOTH]
    if not keys:
        return None
    points, metric = failing(view, scenario), str(view.threshold["metric"])
    if points.empty:
        return None
    axes = [axis(view, key) for key in keys]
    columns = [view.folder.points.set_index("number")[key] for key in keys]
    ends = [(limits[key]["low"], limits[key]["high"]) for key in keys]
    if len(keys) < BOTH:
        size, unit = _scaled(view, points["mean"], metric)
        title = ", ".join(p for p in (view.say.metric(metric), unit) if p)
        axes, columns = [*axes, Axis(title)], [*columns, points["mean"] * size]
        ends.append((math.nan, math.nan))
    frame = points.assign(x=columns[0].reindex(points.index), y=columns[1].reindex(points.index)).dropna()
    names = [view.text("sweeps.rules.hover", point=int(p), value=view.say.value(v, view.unit(metric)))
             for p, v in zip(frame.index, frame["mean"], strict=True)]  # fmt: skip
    sides = {f"{a}{n}": float(end[n]) for a, end in zip("xy", ends, strict=True) for n in (0, 1)}
    words = view.words(view.text("sweeps.rules.holds"), view.text("sweeps.rules.fails"))
    figure = boxed(frame.assign(name=names), sides, (axes[0], axes[1]), words)
    title = view.text("sweeps.rules.box", box=place + 1)
    name = f"rules-{view.scenarios.index(scenario)}-{place}"
    return Chart(name, title, "", view.text("sweeps.rules.chart_note"), figure, 420)


def _scaled(view: View, means: pd.Series, metric: str) -> tuple[float, str]:
    from analysis.report.scaling import scaled

    made, unit = scaled(view.say, means.to_frame("y"), view.unit(metric))
    top = means.abs().idxmax()
    return float(made["y"][top] / means[top]) if means[top] else 1.0, unit


def _drawable(view: View, key: str) -> bool:
    return key in view.folder.points and not is_words(view.folder.points[key].dropna())


def failing(view: View, scenario: str) -> pd.DataFrame:
    """Mean of the metric and share of replications that fail, by point of a scenario."""
    metric, period = str(view.threshold["metric"]), str(view.threshold.get("period") or view.period)
    own = view.folder.points.loc[view.folder.points["scenario"] == scenario, "number"]
    values = view.folder.values(metric, period)
    values = values[values.index.isin(own)]
    below = view.threshold.get("below")
    edge = number(str(below if below is not None else view.threshold.get("above")))
    if values.empty:
        return values.reindex(columns=["mean", "share"])
    failed = (values < edge) if below is not None else (values > edge)
    return values.mean(axis=1).to_frame("mean").assign(share=failed.where(values.notna()).mean(axis=1)).dropna()
