"""The page of a back-test: scores by metric and by months ahead, fans with what came, what could not be scored."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.report import plots
from analysis.report.blocks import Block, Cell, Chart, Charts, Notes, Panel, Table
from analysis.report.build import Page, draw, write_page
from analysis.report.folder import Folder
from analysis.report.plan import part
from analysis.report.scaling import scaled, words
from analysis.report.strings import catalogue
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

PART, PAGE = "backtest", "backtest.html"
"""Folder of the texts, and the file."""

TABLE, COURSE = "backtest", "backtest_months"
"""Tables of the run folder that are shown."""

SCORED, ALL = "scored", "all"
MOST_CHARTS = 24

FEW_MONTHS = 12
"""Months below which coverage is called a count of few."""

ENOUGH = 39
"""Replications from which quantiles reach the ends of a 95 per cent interval."""

TEXTS: tuple[str, ...] = ("dim", "level", "unit", "rival", "note")
"""Columns that may be absent in a row."""

Row = dict[Any, Any]


class View:
    """The tables of a back-test with the words for them."""

    def __init__(self, path: Path, file: str, language: str) -> None:
        self.say = Wording(Folder(path), catalogue(language, PART))
        self.text, self.file = self.say.text, file
        self.table, self.course = (_named(self.say.folder.table(name)) for name in (TABLE, COURSE))

    @cached_property
    def scored(self) -> pd.DataFrame:
        """Scores over all months, a row per metric."""
        return self.table[(self.table["status"] == SCORED) & (self.table["horizon"] == ALL)]

    @cached_property
    def left(self) -> list[Row]:
        """What could not be scored."""
        return [dict(row) for row in self.table[self.table["status"] != SCORED].to_dict("records")]

    def what(self) -> dict[str, Any]:
        """Fields that describe the back-test."""
        return {**self.say.what(), "file": self.file}

    def name(self, row: Row) -> str:
        """The metric and the part it is for."""
        metric = self.say.metric(str(row["metric"]))
        if not row["dim"]:
            return metric
        return self.text("backtest.part_of", metric=metric, part=part(self.say, str(row["dim"]), str(row["level"])))

    def held(self, rows: pd.DataFrame) -> dict[str, str]:
        """Figures held by the intervals, summed over rows."""
        return {key: self.text.count(int(rows[key].sum())) for key in ("held_80", "held_95")} | {
            "total": self.text.count(int(rows["n"].sum()))
        }

    def better(self) -> str:
        """For how many metrics the simulation beats the rival; nothing without a rival."""
        known = self.scored["ratio"].dropna()
        if known.empty:
            return ""
        won = self.text.count(int((known < 1).sum()))
        return self.text("backtest.result.better", better=won, total=self.text.count(len(known)))

    def count_of(self, row: Row, key: str) -> str:
        """Figures held of those there are."""
        return self.text("backtest.count_of", held=self.text.count(row[key]), total=self.text.count(row["n"]))

    def ratio(self, value: float) -> str:
        """A ratio to the rival, a mark where there is none."""
        return self.text.fixed(value, 2) if math.isfinite(value) else self.text("backtest.none")

    def share(self, row: Row) -> str:
        """Bias as a share of what came; nothing where nothing came."""
        value = float(row["bias_share"])
        return self.say.percent(value) if math.isfinite(value) else ""

    def reason(self, row: Row) -> str:
        """What is not scored, and why."""
        from analysis.attainment.target import UNKNOWN, near

        text, status = self.text, str(row["status"])
        reason = text.name("backtest.reasons", status.replace(" ", "_"))
        close = near(str(row["metric"])) if status == UNKNOWN else ""
        if close:
            reason = text("backtest.left.perhaps", reason=reason, metric=close)
        note = text("backtest.left.note", months=row["note"]) if row["note"] else ""
        return text("backtest.left.line", name=self.name(row), reason=reason, note=note)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts are empty where they are absent."""
    texts = [name for name in TEXTS if name in table]
    return table.assign(**{name: table[name].astype(object).fillna("") for name in texts})


def build_backtest(path: Path, file: str, language: str = "en") -> Path:
    """Write ``backtest.html`` into a run folder that holds the tables of a back-test.

    Parameters
    ----------
    path : Path
        Run folder.
    file : str
        Name of the file with what came.
    language : str
        Language that has a file in ``analysis/report/strings`` and in its folder ``backtest``.
    """
    view = View(path, file, language)
    version = str((view.say.folder.manifest.get("versions") or {}).get("tobsim", ""))
    panels = [panel for make in (result, spans, course, left) if (panel := make(view)) is not None]
    page = Page("backtest.page", view.what(), [("", panels)], attention(view), version)
    return write_page(path, draw(page, view.text), PAGE)


def attention(view: View) -> list[str]:
    """What a reader must know before using the scores."""
    text, lines, replications = view.text, [], view.say.folder.replications
    if len(view.scored) and int(view.scored["n"].max()) < FEW_MONTHS:
        lines.append(text("backtest.attention.few_months", months=text.count(int(view.scored["n"].max()))))
    if replications < ENOUGH:
        share = view.say.percent((replications - 1) / (replications + 1))
        count = text.count(replications)
        lines.append(text("backtest.attention.few_replications", replications=count, share=share))
    if len(view.scored) and (view.scored["rival"] == "").all():
        lines.append(text("backtest.attention.no_rival"))
    if view.left:
        lines.append(text("backtest.attention.left_out", count=text.count(len(view.left))))
    return lines


def result(view: View) -> Panel | None:
    """Scores by metric."""
    text = view.text
    if view.scored.empty:
        return None
    columns = ("figure", "actual", "simulated", "bias", "held_80", "held_95", "wis", "ratio")
    head = [text(f"backtest.{name}") for name in columns]
    rows = [_row(view, row) for row in view.scored.to_dict("records")]
    lead = " ".join(filter(None, (text("backtest.result.lead"), _sentence(view.better()))))
    headline = text("backtest.result.headline", **view.held(view.scored))
    table = Table(head, rows, note=text("backtest.result.note"))
    return Panel("scores", text("backtest.result.title"), headline, lead, [table])


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _row(view: View, row: Row) -> list[Cell]:
    text, unit = view.text, str(row["unit"])
    note = text("backtest.months_of", count=text.count(row["n"]))
    rival = text("backtest.no_rival") if not row["rival"] else text.name("backtest.rivals", str(row["rival"]))
    return [Cell(view.name(row), note), *_figures(view, row), Cell(text.number(float(row["wis"]), unit)),
            Cell(view.ratio(float(row["ratio"])), rival)]  # fmt: skip


def _figures(view: View, row: Row) -> list[Cell]:
    """Actual, simulated, bias, and what the intervals held."""
    text, unit = view.text, str(row["unit"])
    share = view.share(row)
    note = text("backtest.share", value=share) if share else ""
    return [
        Cell(view.say.value(float(row["actual"]), unit)), Cell(text.number(float(row["simulated"]), unit)),
        Cell(text.number(float(row["bias"]), unit), note), Cell(view.count_of(row, "held_80")),
        Cell(view.count_of(row, "held_95")),
    ]  # fmt: skip


def spans(view: View) -> Panel | None:
    """Scores by months ahead: over all metrics, and by metric behind a title."""
    import numpy as np

    text, rows = view.text, view.table[(view.table["status"] == SCORED) & (view.table["horizon"] != ALL)]
    if rows["horizon"].nunique() < 2:
        return None
    together = []
    for span, part_ in rows.groupby("horizon", sort=False):
        logs = np.log(part_["ratio"][part_["ratio"] > 0].to_numpy(float))
        total = {"n": int(part_["n"].sum()), **{key: int(part_[key].sum()) for key in ("held_80", "held_95")}}
        mean = float(np.exp(logs.mean())) if len(logs) else math.nan
        together.append([
            Cell(text.name("backtest.spans_of", str(span))), Cell(text.count(len(part_))),
            Cell(view.count_of(total, "held_80")), Cell(view.count_of(total, "held_95")), Cell(view.ratio(mean)),
        ])  # fmt: skip
    head = [text(f"backtest.{name}") for name in ("ahead", "metrics", "held_80", "held_95", "ratio")]
    blocks: list[Block] = [Table(head, together), _by_metric(view, rows)]
    title, headline, lead = (text(f"backtest.spans.{name}") for name in ("title", "headline", "lead"))
    return Panel("spans", title, headline, lead, blocks)


def _by_metric(view: View, rows: pd.DataFrame) -> Table:
    text = view.text
    columns = ("figure", "ahead", "actual", "simulated", "bias", "held_80", "held_95", "ratio")
    head = [text(f"backtest.{name}") for name in columns]
    cells = [
        [Cell(view.name(row)), Cell(text.name("backtest.spans_of", str(row["horizon"]))), *_figures(view, row),
         Cell(view.ratio(float(row["ratio"])))]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    title = text("backtest.spans.by_metric", count=text.count(len(cells)))
    return Table(head, cells, title=title, numbers=2, folded=True, dense=True)


def course(view: View) -> Panel | None:
    """A fan for every metric with what came as points."""
    text = view.text
    keys = ["metric", "dim", "level", "unit"]
    parts = list(view.course.groupby(keys, sort=False, dropna=False))
    if not parts:
        return None
    charts = [_fan(view, frame) for _, frame in parts[:MOST_CHARTS]]
    blocks: list[Block] = [Charts(charts)]
    title, headline, lead = (text(f"backtest.course.{name}") for name in ("title", "headline", "lead"))
    if view.course["rival_mean"].notna().any():
        lead = f"{lead} {text('backtest.course.rival')}"
    if len(parts) > MOST_CHARTS:
        lead = f"{lead} {text('backtest.course.more', count=text.count(MOST_CHARTS))}"
    return Panel("months", title, headline, lead, blocks)


def _fan(view: View, frame: pd.DataFrame) -> Chart:
    say, text, row = view.say, view.text, frame.iloc[0].to_dict()
    columns = ["lo-95", "hi-95", "lo-80", "hi-80", "median", "actual", "rival_mean"]
    shown, unit = scaled(say, frame.set_index("ds")[columns], str(row["unit"]))
    inner = shown.rename(columns={"lo-80": "low", "hi-80": "high"})
    outer = shown.rename(columns={"lo-95": "low", "hi-95": "high"})
    figure = plots.band(inner, words(say, text("backtest.median"), text("backtest.band_80")))
    wide = plots.band(outer, words(say, text("backtest.median"), text("backtest.band_95")), plots.SKY)
    figure["layout"]["yaxis"] = wide["layout"]["yaxis"]
    figure["data"] = [*wide["data"][:-1], *figure["data"], *_points(text, shown)]
    name = "-".join(str(row[key]) for key in ("metric", "level") if row[key])
    return Chart(f"backtest-{name}", view.name(row), unit, text("backtest.course.note"), figure)


def _points(text: Any, shown: pd.DataFrame) -> list[plots.Figure]:
    """The rival as a dotted line, and what came as points."""
    x = plots.plain(shown.index)
    rival: plots.Figure = {
        "type": "scatter", "mode": "lines", "x": x, "y": plots.plain(shown["rival_mean"]),
        "name": text("backtest.rival"), "line": {"color": plots.GREY, "width": 1.6, "dash": "dot"},
    }  # fmt: skip
    points: plots.Figure = {
        "type": "scatter", "mode": "markers", "x": x, "y": plots.plain(shown["actual"]),
        "name": text("backtest.points"), "marker": {"size": 8, "color": plots.RED},
    }  # fmt: skip
    return [*([rival] if shown["rival_mean"].notna().any() else []), points]


def left(view: View) -> Panel | None:
    """What could not be scored, with the reason."""
    text = view.text
    if not view.left:
        return None
    lines = [view.reason(row) for row in view.left]
    title, headline, lead = (text(f"backtest.left.{name}") for name in ("title", "headline", "lead"))
    notes = Notes(text("backtest.left.heading", count=text.count(len(lines))), lines)
    return Panel("left", title, headline, lead, [notes])
