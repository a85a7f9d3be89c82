"""How far ahead forecasts help where the truth is known, how much history they need, which model suits which series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.forecasts.charts import tracks
from analysis.report.forecasts.folder import ALL
from analysis.report.forecasts.gate import of_main
from analysis.report.forecasts.view import MOST_SERIES, NAIVE, View

if TYPE_CHECKING:
    import pandas as pd

MOST_SENTENCES = 3


def skill(view: View) -> Panel | None:
    """Skill beside seasonal naive, step by step."""
    table, text = view.folder.truth("skill"), view.text
    steps = table[table["step"] != ALL]
    if steps.empty:
        return None
    own = of_main(view, steps)
    surely = (own["low"] > 0).groupby(own["metric"]).all()
    fields = {"model": view.model(str(own["model"].iloc[0])), "total": text.count(len(surely))}
    head = text("forecasts.truth.skill.headline", better=text.count(surely.sum()), **fields)
    if own["low"].isna().all():
        head = text("forecasts.truth.few")
    blocks = _tracks(view, steps.assign(step=steps["step"].astype(float)), "step")
    return Panel("truth-skill", text("forecasts.truth.skill.title"), head, text("forecasts.truth.skill.lead"), blocks)


def history(view: View) -> Panel | None:
    """How much history a model needs before it beats the seasonal naive forecast."""
    table, text = view.folder.truth("history"), view.text
    if table.empty:
        return None
    own = of_main(view, table)
    lines = [_needed(view, str(m), rows) for m, rows in own.groupby("metric", sort=False)]
    lines = lines if own["low"].notna().any() else [text("forecasts.truth.few")]
    blocks = _tracks(view, table, "train")
    title = text("forecasts.truth.history.title")
    lead = text("forecasts.truth.history.lead", model=view.model(str(own["model"].iloc[0])))
    return Panel("truth-history", title, " ".join(lines[:MOST_SENTENCES]), lead, blocks)


def needed(rows: pd.DataFrame) -> float:
    """Shortest history from which on the interval of skill lies above 0 at every longer one; NaN if none does."""
    ordered = rows.sort_values("train", ascending=False)
    above = (ordered["low"] > 0).cummin()
    return float(ordered.loc[above, "train"].min()) if above.any() else float("nan")


def _needed(view: View, metric: str, rows: pd.DataFrame) -> str:
    months, name = needed(rows), view.series(metric)
    if months != months:
        return view.text("forecasts.truth.history.never", series=name, months=view.text.count(rows["train"].max()))
    return view.text("forecasts.truth.history.from", series=name, months=view.text.count(months))


AXES = {"step": "skill", "train": "history"}
"""Groups of texts by the column that goes along the axis."""


def _tracks(view: View, table: pd.DataFrame, index: str) -> list[Block]:
    """A chart per series with a line per model, and all figures in a table."""
    rivals = table[table["model"] != NAIVE]
    groups = list(rivals.groupby("metric", sort=False))[:MOST_SERIES]
    charts = [_track(view, rows, index, i) for i, (_, rows) in enumerate(groups)]
    return [Charts(charts), _figures(view, rivals, index)] if charts else []


def _track(view: View, rows: pd.DataFrame, index: str, place: int) -> Chart:
    order = sorted(dict.fromkeys(rows["model"]), key=lambda m: m != view.main)
    columns = {"skill": "value"}
    frames = {
        view.model(m): rows[rows["model"] == m].set_index(index).sort_index()[["skill", "low", "high"]] for m in order
    }
    words = view.words(view.text(f"forecasts.truth.{AXES[index]}.axis"), dates=False)
    figure = tracks({name: frame.rename(columns=columns) for name, frame in frames.items()}, (0.0,), words)
    name, note = view.series(str(rows["metric"].iloc[0])), view.text("forecasts.truth.skill.note")
    return Chart(f"truth-{AXES[index]}-{place}", name, "", note, figure)


def _figures(view: View, table: pd.DataFrame, index: str) -> Table:
    text = view.text
    rows = [
        [
            Cell(view.series(r["metric"])),
            Cell(view.model(r["model"])),
            Cell(text.number(r[index], "count")),
            Cell(view.decimal(r["skill"]), view.between(r["low"], r["high"])),
        ]
        for r in table.to_dict("records")
    ]
    head = [text("forecasts.series"), text("forecasts.model"), text(f"forecasts.truth.{AXES[index]}.axis")]
    title = text("forecasts.truth.figures", count=text.count(len(rows)))
    return Table([*head, text("forecasts.truth.skill.column")], rows, title=title, numbers=2, folded=True, dense=True)


def best(view: View) -> Panel | None:
    """Which model suits which series: paired differences of losses."""
    table, text = view.folder.truth("best"), view.text
    if table.empty:
        return None
    column = "alike" if (table["alike"] != "").any() else "best"
    rivals = table[table["difference"] != 0]
    judged = rivals.empty or rivals["low"].notna().any()
    found = table.assign(best=judged & table[column].str.lower().isin(["true", "1", "yes"]))
    rows = [_rival(view, row) for row in found.to_dict("records")]
    head = [text("forecasts.series"), text("forecasts.model"), text("forecasts.truth.best.ratio")]
    head += [text("forecasts.truth.best.difference")]
    block = Table(head, rows, note=text("forecasts.truth.best.note"), numbers=2, dense=True)
    title, lead = text("forecasts.truth.best.title"), text("forecasts.truth.best.lead")
    told = _suited(view, found[found["best"]]) if judged else text("forecasts.truth.few")
    return Panel("truth-best", title, told, lead, [block])


def _suited(view: View, table: pd.DataFrame) -> str:
    """Series by the models that suit them, as sentences."""
    by_models: dict[tuple[str, ...], list[str]] = {}
    for metric, rows in table.groupby("metric", sort=False):
        by_models.setdefault(tuple(dict.fromkeys(rows["model"])), []).append(str(metric))
    lines = []
    for models, metrics in by_models.items():
        names = view.text("words.and").join(view.model(m) for m in models)
        lines.append(view.text("forecasts.truth.best.line", models=names, series=view.names(metrics, MOST_SERIES)))
    return " ".join(lines)


def _rival(view: View, row: dict[Any, Any]) -> list[Cell]:
    text, unit = view.text, view.unit(row["metric"])
    lowest = row["difference"] == 0
    difference = text("format.undefined") if lowest else text.number(row["difference"], unit)
    bounds = "" if lowest else view.interval(row["low"], row["high"], unit)
    model = Cell(view.model(row["model"]), look="firm" if row["best"] else "")
    series = Cell(view.series(row["metric"]), text.unit(unit))
    return [series, model, Cell(view.decimal(row["ratio"])), Cell(difference, bounds)]
