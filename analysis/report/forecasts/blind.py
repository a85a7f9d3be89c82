"""What a forecast cannot see: a change of policy after its cutoff, and where its uncertainty comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.forecasts.charts import stacked, tracks
from analysis.report.forecasts.folder import VARIANCES as SOURCES
from analysis.report.forecasts.gate import noted
from analysis.report.forecasts.view import MOST_SERIES, View
from analysis.report.scaling import scaled

if TYPE_CHECKING:
    import pandas as pd

TWIN, CHANGED, WITHOUT, KNOWN = "twin", "changed", "without", "regressor"
"""What a forecast is held against: the world without the change, the changed world, the same from a later cutoff, and
the same with the date of the change known."""

PARTS = (TWIN, CHANGED, WITHOUT, KNOWN)


def blind(view: View) -> Panel | None:
    """What a change of policy does to forecasts that were made before it; says why where it was not measured."""
    table, text, note = view.folder.truth("blind"), view.text, noted(view, "blind")
    title, lead = text("forecasts.truth.blind.title"), text("forecasts.truth.blind.lead")
    if table.empty:
        return Panel("truth-blind", title, text("forecasts.truth.undone"), note, []) if note else None
    metrics = list(dict.fromkeys(table["metric"]))
    head = _story(view, metrics[0], table[table["metric"] == metrics[0]])
    rows = [_row(view, r) for m in metrics for r in _ordered(table[table["metric"] == m])]
    columns = ("held", "covered80", "covered95", "bias", "effect")
    names = [text("forecasts.series"), *(text(f"forecasts.truth.blind.{c}") for c in columns)]
    blocks: list[Block] = [Table(names, rows, note=text("forecasts.truth.blind.note")), *_effects(view)]
    return Panel("truth-blind", title, head, f"{lead} {note}".strip(), blocks)


def _ordered(table: pd.DataFrame) -> list[dict[Any, Any]]:
    rows = {r["part"]: r for r in table.to_dict("records")}
    return [rows[p] for p in PARTS if p in rows]


def _story(view: View, metric: str, table: pd.DataFrame) -> str:
    """The parts of one series as sentences."""
    text, unit, lines = view.text, view.unit(metric), []
    for row in _ordered(table):
        if _unmade(row):
            part = text(f"forecasts.truth.blind.part_{row['part']}")
            lines.append(text("forecasts.truth.blind.unmade", part=part, reason=row["reason"]))
            continue
        fields = {"series": view.series(metric), "share": view.say.percent(row["covered95"])}
        bounds = view.interval(row["effect_low"], row["effect_high"], unit)
        effect = view.say.value(row["effect"], unit)
        effect = text("forecasts.with_interval", value=effect, interval=bounds) if bounds else effect
        fields |= {"bias": view.say.value(row["bias"], unit), "effect": effect}
        lines.append(text(f"forecasts.truth.blind.{row['part']}", **fields))
    return " ".join([*lines, *(recovered(view, row) for row in _ordered(table) if row["part"] == KNOWN)]).strip()


def _unmade(row: dict[Any, Any]) -> bool:
    """Whether a part has no forecast at all."""
    return bool(row["failed"] > 0 and row["replications"] == 0)


def recovered(view: View, row: dict[Any, Any]) -> str:
    """Share of the effect that knowing the date gives back, as a sentence; empty where it cannot be said."""
    share, low, high = (float(row[c]) for c in ("recovered", "recovered_low", "recovered_high"))
    if share != share:
        return ""
    bounds = view.shares(low, high)
    shown = view.say.percent(share)
    shown = view.text("forecasts.with_interval", value=shown, interval=bounds) if bounds else shown
    return view.text("forecasts.truth.blind.recovered", share=shown)


def _row(view: View, row: dict[Any, Any]) -> list[Cell]:
    text, unit = view.text, view.unit(row["metric"])
    return [
        Cell(view.series(row["metric"]), text.unit(unit)),
        Cell(text(f"forecasts.truth.blind.part_{row['part']}"), _failed(view, row), look="left"),
        Cell(view.say.percent(row["covered80"])),
        Cell(view.say.percent(row["covered95"])),
        Cell(text.number(row["bias"], unit), view.interval(row["low"], row["high"], unit)),
        Cell(text.number(row["effect"], unit), view.interval(row["effect_low"], row["effect_high"], unit)),
    ]


def _failed(view: View, row: dict[Any, Any]) -> str:
    """How many replications have no forecast and why the first has none; empty if all have one."""
    if not row["failed"] > 0:
        return ""
    count = view.text.count(row["failed"])
    return view.text("forecasts.truth.blind.failed", count=count, reason=row["reason"])


def _effects(view: View) -> list[Block]:
    """What the change really does, step by step."""
    table, text = view.folder.truth("effect"), view.text
    charts = []
    for place, (metric, rows) in enumerate(list(table.groupby("metric", sort=False))[:MOST_SERIES]):
        frame = rows.set_index("step").sort_index()[["effect", "low", "high"]]
        both, unit = scaled(view.say, frame, view.unit(str(metric)))
        name = text("forecasts.truth.blind.effect")
        figure = tracks(
            {name: both.rename(columns={"effect": "value"})}, (0.0,), view.words(text("forecasts.step"), dates=False)
        )
        chart_name = text("forecasts.truth.blind.chart", series=view.series(str(metric)))
        charts.append(
            Chart(f"truth-effect-{place}", chart_name, unit, text("forecasts.truth.blind.chart_note"), figure)
        )
    return [Charts(charts)] if charts else []


def split(view: View) -> Panel | None:
    """Shares of demand, inputs and model in the uncertainty; says so where it was not measured."""
    table, text = view.folder.truth("split"), view.text
    if not view.folder.judged:
        return None
    title = text("forecasts.truth.split.title")
    if table.empty:
        head, lead = text("forecasts.truth.undone"), text("forecasts.truth.split.how")
        return Panel("truth-split", title, head, f"{lead} {noted(view, 'split')}".strip(), [])
    metrics = list(dict.fromkeys(table["metric"]))
    parts = {m: shares(table[table["metric"] == m]) for m in metrics}
    bounds = table.set_index(["metric", "step"])
    if table["demand_share_low"].isna().all():
        head = text("forecasts.truth.split.few", count=text.count(table["worlds"].max()))
    else:
        head = _origins(view, metrics[0], parts[metrics[0]].iloc[-1], bounds)
    lead = f"{text('forecasts.truth.split.lead')} {noted(view, 'split')}".strip()
    charts = [_chart(view, m, parts[m], i) for i, m in enumerate(metrics[:MOST_SERIES])]
    blocks: list[Block] = [Charts(charts), _figures(view, parts, bounds)]
    return Panel("truth-split", title, head, lead, blocks)


def _origins(view: View, metric: str, last: pd.Series, bounds: pd.DataFrame) -> str:
    """Where the variance of a series comes from at its last step, as a sentence."""
    text, row = view.text, bounds.loc[(metric, last.name)]
    fields = {"series": view.series(metric), "step": text.count(float(str(last.name)))}
    for name in SOURCES:
        share, within = view.say.percent(last[name] / 100), _within(view, row, name)
        fields[name] = text("forecasts.with_interval", value=share, interval=within) if within else share
    return text("forecasts.truth.split.headline", **fields)


def _within(view: View, row: pd.Series, name: str) -> str:
    return view.shares(row[f"{name}_share_low"], row[f"{name}_share_high"])


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Variances by step as per cent of their sum; a variance estimated below 0 counts as 0."""
    parts = table.set_index("step").sort_index()[list(SOURCES)].clip(lower=0.0)
    return parts.div(parts.sum(axis=1).where(lambda s: s > 0), axis=0) * 100


def _chart(view: View, metric: str, parts: pd.DataFrame, place: int) -> Chart:
    text = view.text
    named = {text(f"forecasts.truth.split.{name}"): parts[name] for name in SOURCES}
    figure = stacked(named, view.words(text("forecasts.step"), dates=False))
    percent = text("format.percent", value="").strip()
    return Chart(f"truth-split-{place}", view.series(metric), percent, text("forecasts.truth.split.note"), figure)


def _figures(view: View, parts: dict[str, pd.DataFrame], bounds: pd.DataFrame) -> Table:
    text = view.text
    rows = [
        [
            Cell(view.series(metric)),
            Cell(text.count(float(str(step)))),
            *(Cell(view.say.percent(row[n] / 100), _within(view, bounds.loc[(metric, step)], n)) for n in SOURCES),
        ]
        for metric, frame in parts.items()
        for step, row in frame.iterrows()
    ]
    head = [text("forecasts.series"), text("forecasts.step"), *(text(f"forecasts.truth.split.{n}") for n in SOURCES)]
    title = text("forecasts.truth.figures", count=text.count(len(rows)))
    return Table(head, rows, title=title, folded=True, dense=True)
