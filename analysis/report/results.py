"""Panels that show what happened: headline figures, money by month, the funnel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.report import plots
from analysis.report.blocks import Block, Card, Cards, Cell, Chart, Charts, Notes, Panel, Table
from analysis.report.figures import Rate, Step, funnel, metric_bands
from analysis.report.folder import HORIZON
from analysis.report.markers import marked
from analysis.report.scaling import scaled, words
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

HEADLINES = (
    "leads", "signed", "active_customers", "revenue", "operating_profit", "cash_min", "arr", "gmv", "units_sold",
    "gross_margin", "renewal_rate", "cycle_days", "cac", "cash",
)  # fmt: skip
"""Candidates for the headline figures, the most telling first."""

MOST_CARDS, MOST_YEARS = 8, 6

MONEY = {"revenue": plots.BLUE, "cash": plots.GREEN}
COURSE = ("active_customers", "arr", "gmv", "units_sold", "leads", "signed")
"""Monthly series drawn beside revenue and cash, as many as fill two rows."""

MILESTONES = {"lead_journeys": "lead", "qualified": "qualified", "opportunities": "opportunity", "signed": "conversion",
              "activated": "activation"}  # fmt: skip
"""Metrics of the funnel and the milestones of the business that they count."""


def headline_metrics(say: Wording) -> list[str]:
    """The north star, then the headline metrics that this run defines."""
    found = {m: say.folder.figure(m) for m in dict.fromkeys((say.north_star(), *HEADLINES))}
    return [m for m, row in found.items() if row and (row["mean"] != 0 or m in MONEY)]


def overview(say: Wording) -> Panel | None:
    """Headline figures, and the main figures by year."""
    if say.folder.summary.empty:
        return None
    text = say.text
    lead = text("overview.lead", replications=text.count(say.folder.replications))
    cards = [_card(say, m) for m in headline_metrics(say)[:MOST_CARDS]]
    blocks: list[Block] = [Cards(cards), _by_year(say), *_all_figures(say)]
    return Panel("overview", text("overview.title"), headline(say), lead, blocks)


def headline(say: Wording) -> str:
    """What happened, in one sentence."""
    counts = {m: say.figure(m, bare=True) for m in ("leads", "signed", "active_customers")}
    money = {m: say.figure(m) for m in ("revenue", "cash_min")}
    if None in (*counts.values(), *money.values()):
        return say.text("overview.headline_short", **say.what())
    return say.text("overview.headline", **say.what(), **counts, **money)


def _card(say: Wording, metric: str) -> Card:
    row = say.folder.figure(metric) or {}
    unit = str(row["unit"])
    mark = say.text("overview.north_star") if metric == say.north_star() else ""
    interval = say.text.interval(row["ci_low"], row["ci_high"], unit)
    return Card(say.metric(metric), say.text.number(row["mean"], unit), say.text.unit(unit), interval, mark)


def _by_year(say: Wording) -> Table:
    text = say.text
    periods = sorted(p for p in set(say.folder.summary["period"].astype(str)) if re.search(r"\d{4}", p))
    years = [*periods[:MOST_YEARS], HORIZON]
    rows = [_year_row(say, m, years) for m in headline_metrics(say)]
    head = [text("words.metric"), *years[:-1], text("words.horizon")]
    return Table(head, rows, title=text("overview.years"), note=text("overview.years_note"))


def _year_row(say: Wording, metric: str, years: list[str]) -> list[Cell]:
    text, found = say.text, [say.folder.figure(metric, year) for year in years]
    unit = next(str(f["unit"]) for f in found if f)
    cells = [
        Cell(text.number(f["mean"], unit), text.interval(f["ci_low"], f["ci_high"], unit))
        if f
        else Cell(text("format.undefined"), look="mute")
        for f in found
    ]
    return [Cell(say.metric(metric), text.unit(unit)), *cells]


def _all_figures(say: Wording) -> list[Block]:
    text, rows = say.text, []
    summary = say.folder.summary
    whole = summary[(summary["period"].astype(str) == HORIZON) & (summary["unit"] != "code")]
    for row in whole[whole["mean"].notna()].to_dict("records"):
        metric, unit = str(row["metric"]), str(row["unit"])
        defined = text("words.of", part=text.count(row["n_defined"]), whole=text.count(row["replications"]))
        interval = text.interval(row["ci_low"], row["ci_high"], unit)
        values = [say.value(row["mean"], unit), interval, text.number(row["sd"], unit), defined]
        rows.append([Cell(say.metric(metric), metric), *map(Cell, values)])
    head = [text(f"words.{k}") for k in ("metric", "mean", "interval", "sd", "defined")]
    title, note = text("overview.all", count=text.count(len(rows))), text("overview.all_note")
    blocks: list[Block] = [Table(head, rows, title=title, note=note, folded=True, dense=True)]
    missing = [say.metric(m) for m in whole.loc[whole["mean"].isna(), "metric"].astype(str)]
    if missing:
        blocks.append(Notes(text("overview.undefined"), [text("words.list").join(missing)], folded=True))
    return blocks


def money(say: Wording) -> Panel | None:
    """Revenue, cash and the main stocks by month with bands over replications."""
    names = dict.fromkeys((*MONEY, say.north_star(), *COURSE))
    frames = {m: f for m in names if not (f := metric_bands(say.folder, m)).empty}
    if not frames:
        return None
    charts = [_band_chart(say, m, f) for m, f in list(frames.items())[:4]]
    text = say.text
    return Panel("money", text("money.title"), _money_headline(say, frames), text("money.lead"), [Charts(charts)])


def _money_headline(say: Wording, frames: dict[str, pd.DataFrame]) -> str:
    text = say.text
    if not set(MONEY) <= set(frames):
        return text("money.headline_short")
    revenue, cash = (frames[m]["median"] for m in MONEY)
    key = "money.headline_falling" if cash.idxmin() == cash.index[-1] else "money.headline"
    values = {
        "revenue": say.value(revenue.iloc[-1], say.folder.units["revenue"]),
        "last": text.month(revenue.index[-1]),
        "cash": say.value(cash.min(), say.folder.units["cash"]),
        "lowest": text.month(cash.idxmin()),
    }
    return text(key, **values)


def _band_chart(say: Wording, metric: str, frame: pd.DataFrame) -> Chart:
    text = say.text
    frame, unit = scaled(say, frame, say.folder.units.get(metric, ""))
    last = text.interval(frame["low"].iloc[-1], frame["high"].iloc[-1])
    note = text("money.chart_note", interval=last, unit=unit)
    colour = MONEY.get(metric, plots.PURPLE)
    figure = marked(plots.band(frame, words(say, text("words.median"), text("words.band")), colour), say.marks)
    return Chart(f"month-{metric}", say.metric(metric), unit, note, figure)


def funnel_panel(say: Wording) -> Panel | None:
    """How many pass each step, with the share that goes on and the days it takes."""
    steps = funnel(say.folder)
    if len(steps) < 2:
        return None
    text = say.text
    names = [text.name("steps", s.name) for s in steps]
    figure = plots.bars(names, [s.count.mean for s in steps], [_bar_label(say, s) for s in steps], words(say))
    chart = Chart("funnel", text("funnel.chart"), "", text("funnel.chart_note"), figure)
    blocks: list[Block] = [Charts([chart], wide=True), _steps(say, steps)]
    return Panel("funnel", text("funnel.title"), _funnel_headline(say), text("funnel.lead"), blocks)


def _funnel_headline(say: Wording) -> str:
    share, days = say.figure("conversion_lead_signed"), say.figure("days_lead_signed", bare=True)
    if share is None or days is None:
        return say.text("funnel.headline_short")
    return say.text("funnel.headline", share=share, days=days)


def _bar_label(say: Wording, step: Step) -> str:
    count = say.text.count(step.count.mean)
    if not step.before:
        return count
    before = say.text.name("steps", step.before)
    return say.text("funnel.bar", count=count, share=say.percent(step.share.mean), before=before)


def _steps(say: Wording, steps: list[Step]) -> Table:
    text = say.text
    rows = [
        [
            Cell(text.name("steps", s.name), _meaning(say, s.name)),
            _rate(say, s.count, "count"),
            Cell(text.name("steps", s.before) if s.before else "", look="left"),
            _rate(say, s.share, "share"),
            _rate(say, s.days, "days"),
        ]
        for s in steps
    ]
    head = [text(f"funnel.{k}") for k in ("step", "count", "before", "share", "days")]
    return Table(head, rows, note=text("funnel.note"))


def _meaning(say: Wording, metric: str) -> str:
    activity = say.folder.setting(f"business.milestones.{MILESTONES.get(metric)}")
    return say.text("funnel.milestone", activity=say.text.name("activities", str(activity))) if activity else ""


def _rate(say: Wording, rate: Rate, unit: str) -> Cell:
    if rate.mean != rate.mean:
        return Cell("")
    return Cell(say.text.number(rate.mean, unit), say.text.interval(rate.low, rate.high, unit))
