"""What moves the figures over all ranges: indices of Sobol and Morris with intervals, replication noise apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.scaling import scaled
from analysis.report.sweeps.charts import DARK, PALE, Pair, height, paired_bars
from analysis.report.sweeps.view import MOST_KEYS, MOST_ROWS, View

if TYPE_CHECKING:
    import pandas as pd

    from analysis.report.plots import Words

SOBOL, MORRIS = "sobol", "morris"
ONE = "one replication"
"""Reading of indices that is shown in a table only: those of single replications, not of the expected metric."""

LENGTH = {SOBOL: "st", MORRIS: "mu_star"}
"""Index by which keys are put in order."""

SHOWN = {SOBOL: ("s1", "st"), MORRIS: ("mu_star", "mu", "sigma", "noise")}
MOST_CHARTS = 8


def influence(view: View) -> list[Panel]:
    """A panel for each of the two methods of which the folder holds indices."""
    found = [(method, rows(view, method)) for method in (SOBOL, MORRIS)]
    return [_panel(view, method, table) for method, table in found if len(table)]


def rows(view: View, method: str) -> pd.DataFrame:
    """Indices of a method of the shown metrics, in their period."""
    table = view.folder.sensitivity
    period = view.period if view.period in set(table["period"]) else next(iter(table["period"]), "")
    return table[(table["method"] == method) & (table["period"] == period) & table["metric"].isin(view.metrics)]


def indices(table: pd.DataFrame, metric: str, scenario: str, reading: str = "") -> pd.DataFrame:
    """Estimates with bounds of one metric: index key, columns by (index, end), the most telling key first.

    ``reading`` is ``ONE`` for the indices of single replications.
    """
    own = table[(table["metric"] == metric) & (table["scenario"] == scenario) & (table["key"] != "")]
    if "reading" in own:
        own = own[(own["reading"] == ONE) == (reading == ONE)]
    elif reading == ONE:
        own = own.iloc[:0]
    if own.empty:
        return own.iloc[:0]
    made = own.pivot_table(index="key", columns="of", values=["estimate", "low", "high"], dropna=False, sort=False)
    made.columns = made.columns.swaplevel()
    length = LENGTH[str(own["method"].iloc[0])]
    return made.sort_values((length, "estimate"), ascending=False, kind="stable", na_position="last")


def noise_share(table: pd.DataFrame, metric: str, scenario: str) -> float:
    """Share of the variance of single values that is replication noise; NaN where it is not told."""
    own = table[(table["metric"] == metric) & (table["scenario"] == scenario) & (table["of"] == "noise_share")]
    return float(own["estimate"].iloc[0]) if len(own) else math.nan


def _panel(view: View, method: str, table: pd.DataFrame) -> Panel:
    text = view.text
    pairs = [(m, s) for m in view.metrics for s in view.scenarios if len(indices(table, m, s))]
    charts = [_chart(view, method, table, pair) for pair in pairs]
    made = [chart for chart in charts if chart is not None][:MOST_CHARTS]
    blocks: list[Block] = [Charts(made)] if made else []
    blocks += [_table(view, method, table, pairs), *_notes(view, table), *_alone(view, method, table)]
    lead = text(f"sweeps.{method}.lead")
    return Panel(method, text(f"sweeps.{method}.title"), _headline(view, method, table, pairs), lead, blocks)


def _headline(view: View, method: str, table: pd.DataFrame, pairs: list[tuple[str, str]]) -> str:
    """The key that counts most for the first metric that has indices, unless noise hides it."""
    for metric, scenario in pairs:
        found = indices(table, metric, scenario)
        top, name = found.iloc[0], view.say.metric(metric)
        value, low = (float(top.get((LENGTH[method], end), math.nan)) for end in ("estimate", "low"))
        if value != value:
            continue
        if not low > _floor(top):
            return view.told(view.text("sweeps.influence.unclear", metric=name), scenario)
        shown = _cell(view, method, metric, (top, LENGTH[method]))
        size = view.text("sweeps.with_interval", value=shown.text, interval=shown.note)
        fields = {"metric": name, "lever": name_of(view, str(found.index[0])), "value": size}
        return view.told(view.text(f"sweeps.{method}.headline", **fields), scenario)
    return view.text("sweeps.influence.none")


def _floor(row: Any) -> float:
    """What an index shows without any effect: 0, or the mu* of noise alone."""
    noise = float(row.get(("noise", "estimate"), math.nan))
    return noise if noise == noise else 0.0


def name_of(view: View, key: str) -> str:
    """A key, or the name of shares that were sampled together."""
    return view.key(key) if key in view.folder.columns else key.replace("_", " ")


def _chart(view: View, method: str, table: pd.DataFrame, pair: tuple[str, str]) -> Chart | None:
    metric, scenario = pair
    found = indices(table, metric, scenario).head(MOST_KEYS)
    found = found[found[(LENGTH[method], "low")].notna()]
    if found.empty:
        return None
    figure, unit = _shares(view, found) if method == SOBOL else _effects(view, found, metric)
    title = view.under(view.text(f"sweeps.{method}.chart", metric=view.say.metric(metric)), scenario)
    name = f"{method}-{view.metrics.index(metric)}-{view.scenarios.index(scenario)}"
    note = _noise(view, noise_share(table, metric, scenario)) if method == SOBOL else view.text("sweeps.morris.note")
    return Chart(name, title, unit, note, figure, height(len(found)))


def _noise(view: View, share: float) -> str:
    if share != share:
        return view.text("sweeps.sobol.no_noise")
    return view.text("sweeps.sobol.noise", share=view.say.percent(share))


def _shares(view: View, found: pd.DataFrame) -> tuple[dict[str, Any], str]:
    names = (view.text("sweeps.of.s1"), view.text("sweeps.of.st"))
    return paired_bars(_pairs(view, found * 100, ("s1", "st")), _percent(view, *names), (DARK, PALE)), ""


def _effects(view: View, found: pd.DataFrame, metric: str) -> tuple[dict[str, Any], str]:
    made, unit = scaled(view.say, found, view.unit(metric))
    names = (view.text("sweeps.of.mu_star"), "", view.text("sweeps.of.noise"))
    marks = made[("noise", "estimate")].tolist() if ("noise", "estimate") in made else []
    words = view.words(*names, unit=view.unit(metric))
    return paired_bars(_pairs(view, made, ("mu_star",)), words, (DARK, PALE), marks), unit


def _percent(view: View, *names: str) -> Words:
    return view.words(*names, unit="share")


def _pairs(view: View, found: pd.DataFrame, names: tuple[str, ...]) -> list[Pair]:
    first, second = names[0], names[-1]
    made = []
    for key, row in found.iterrows():
        values, lows, highs = (
            (float(row.get((first, end), math.nan)), float(row.get((second, end), math.nan)))
            for end in ("estimate", "low", "high")
        )
        made.append(Pair(name_of(view, str(key)), values, lows, highs))
    return made


def _table(view: View, method: str, table: pd.DataFrame, pairs: list[tuple[str, str]]) -> Table:
    text, shown = view.text, SHOWN[method]
    body = []
    for metric, scenario in pairs:
        for key, row in indices(table, metric, scenario).iterrows():
            name = Cell(view.say.metric(metric), view.scenario(scenario) if len(view.scenarios) > 1 else "")
            cells = [_cell(view, method, metric, (row, index)) for index in shown]
            body.append([name, Cell(name_of(view, str(key)), look="left"), *cells])
    head = [text("words.metric"), text("sweeps.key"), *(text(f"sweeps.of.{index}") for index in shown)]
    title, note = text("sweeps.influence.table"), text(f"sweeps.{method}.table_note")
    return Table(head, body[:MOST_ROWS] or [[Cell("")] * len(head)], title=title, note=note, folded=True, dense=True)


def _cell(view: View, method: str, metric: str, found: tuple[Any, str]) -> Cell:
    row, index = found
    value, low, high = (float(row.get((index, end), math.nan)) for end in ("estimate", "low", "high"))
    if value != value:
        return Cell(view.text("format.undefined"))
    if method == SOBOL:
        ends = {"low": view.say.percent(low), "high": view.say.percent(high)}
        return Cell(view.say.percent(value), view.text("format.interval", **ends) if low == low else "")
    unit = view.unit(metric)
    return Cell(view.text.number(value, unit), view.text.interval(low, high, unit))


def _notes(view: View, table: pd.DataFrame) -> list[Block]:
    """Remarks of the indices, each with the metrics that it concerns."""
    told = table[table["note"] != ""].drop_duplicates(["note", "metric", "scenario"])
    body = [
        [Cell(str(note), look="left"),
         Cell(view.text("words.list").join(dict.fromkeys(view.say.metric(m) for m in part["metric"])), look="left")]
        for note, part in told.groupby("note", sort=False)
    ]  # fmt: skip
    head = [view.text("sweeps.influence.remark"), view.text("words.metric")]
    return [Table(head, body, title=view.text("sweeps.influence.remarks"), folded=True, dense=True)] if body else []


def _alone(view: View, method: str, table: pd.DataFrame) -> list[Block]:
    """Indices of single replications, where the folder holds them."""
    body = []
    for metric in view.metrics:
        for scenario in view.scenarios:
            found = indices(table, metric, scenario, ONE)
            for key, row in found.iterrows():
                name = Cell(view.say.metric(metric), view.scenario(scenario) if len(view.scenarios) > 1 else "")
                cells = [_cell(view, method, metric, (row, index)) for index in SHOWN[method]]
                body.append([name, Cell(name_of(view, str(key)), look="left"), *cells])
    text = view.text
    head = [text("words.metric"), text("sweeps.key"), *(text(f"sweeps.of.{index}") for index in SHOWN[method])]
    title, note = text("sweeps.influence.alone"), text("sweeps.influence.alone_note")
    return [Table(head, body[:MOST_ROWS], title=title, note=note, folded=True, dense=True)] if body else []
