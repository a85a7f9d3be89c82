"""Panels that show what happened: headline figures, money by month, the funnel."""

from __future__ import annotations

import re

from analysis.report import plots
from analysis.report.blocks import Block, Card, Cards, Cell, Chart, Charts, Panel, Table
from analysis.report.figures import Rate, Step, funnel, metric_bands
from analysis.report.folder import HORIZON
from analysis.report.scaling import scaled
from analysis.report.wording import Wording

HEADLINES = ("signed", "active_customers", "revenue", "cash_min", "arr", "gmv", "units_sold", "operating_profit",
             "leads", "cash", "gross_margin", "cycle_days", "renewal_rate")
"""Candidates for the headline figures, the most telling first."""

MOST_CARDS = 8

MONEY = ("revenue", "cash")
COURSE = ("active_customers", "arr", "gmv", "units_sold")
"""Monthly series drawn with their bands."""


def cards(say: Wording) -> list[Card]:
    """Headline figures with their intervals, the north star of the business first."""
    star, found = say.north_star(), []
    for metric in dict.fromkeys((star, *HEADLINES)):
        row = say.folder.figure(metric)
        if row is None or len(found) == MOST_CARDS:
            continue
        unit = str(row["unit"])
        interval = say.interval(row["ci_low"], row["ci_high"], unit, metric)
        mark = say.text("overview.north_star") if metric == star else ""
        value = say.number(row["mean"], unit, metric)
        note = say.text("overview.card_note", interval=interval) if interval else ""
        found.append(Card(say.metric(metric), value, say.unit(unit, metric), note, mark))
    return found


def headline(say: Wording) -> str:
    """What happened, in one sentence."""
    names = ("leads", "signed", "active_customers", "revenue", "cash_min")
    found = {name: say.figure(name) for name in names}
    if None in found.values():
        return say.text("overview.headline_short", **say.what())
    return say.text("overview.headline", **say.what(), **found)


def overview(say: Wording) -> Panel | None:
    """Headline figures, and the main figures by year."""
    if say.folder.summary.empty:
        return None
    text = say.text
    lead = text("overview.lead", replications=text.count(say.folder.replications))
    blocks: list[Block] = [Cards(cards(say)), _by_period(say), _all_figures(say)]
    return Panel("overview", text("overview.title"), headline(say), lead, blocks)


def _by_period(say: Wording) -> Table:
    summary = say.folder.summary.assign(period=say.folder.summary["period"].astype(str))
    years = [p for p in sorted(summary["period"].unique()) if p != HORIZON and re.search(r"\d{4}$", p)][:6]
    names = [m for m in dict.fromkeys((say.north_star(), *HEADLINES)) if say.folder.figure(m)]
    rows = []
    for metric in names:
        found = [say.folder.figure(metric, p) for p in (*years, HORIZON)]
        unit = next(str(f["unit"]) for f in found if f)
        figures = [
            Cell(say.number(f["mean"], unit, metric), say.interval(f["ci_low"], f["ci_high"], unit, metric))
            if f else Cell(say.text("format.undefined"), look="mute")
            for f in found
        ]
        rows.append([Cell(say.metric(metric), say.unit(unit, metric)), *figures])
    head = [say.text("words.metric"), *years, say.text("words.horizon")]
    return Table(head, rows, title=say.text("overview.years"), note=say.text("overview.years_note"))


def _all_figures(say: Wording) -> Table:
    text, rows = say.text, []
    summary = say.folder.summary
    for row in summary[summary["period"].astype(str) == HORIZON].to_dict("records"):
        metric, unit = str(row["metric"]), str(row["unit"])
        rows.append([
            Cell(say.metric(metric), metric),
            Cell(say.value(row["mean"], unit, metric)),
            Cell(say.interval(row["ci_low"], row["ci_high"], unit, metric)),
            Cell(say.number(row["sd"], unit, metric)),
            Cell(text("words.of", part=text.count(row["n_defined"]), whole=text.count(row["replications"]))),
        ])
    head = [text(f"words.{k}") for k in ("metric", "mean", "interval", "sd", "defined")]
    title = text("overview.all", count=text.count(len(rows)))
    return Table(head, rows, title=title, note=text("overview.all_note"), folded=True, dense=True)


def money(say: Wording) -> Panel | None:
    """Revenue, cash and the main stocks by month with bands over replications."""
    main = [c for m in MONEY if (c := _band_chart(say, m))]
    star = say.north_star()
    course = [c for m in dict.fromkeys((star, *COURSE)) if m not in MONEY and (c := _band_chart(say, m))]
    if not main + course:
        return None
    text = say.text
    values = {"revenue": say.figure("revenue"), "cash_min": say.figure("cash_min")}
    key = "money.headline" if all(values.values()) else "money.headline_short"
    blocks = [Charts(main + course[: 4 - len(main) % 2])]
    return Panel("money", text("money.title"), text(key, **values), text("money.lead"), blocks)


def _band_chart(say: Wording, metric: str) -> Chart | None:
    frame = metric_bands(say.folder, metric)
    if frame.empty:
        return None
    rows = say.folder.months
    unit = str(rows.loc[rows["metric"] == metric, "unit"].iloc[0])
    frame, words = scaled(say, frame, unit, (say.text("words.median"), say.text("words.band")))
    colour = {"revenue": plots.BLUE, "cash": plots.GREEN}.get(metric, plots.PURPLE)
    title = say.metric(metric)
    note = say.text("money.chart_note", metric=title, low=say.number(frame["low"].iloc[-1], ""),
                    high=say.number(frame["high"].iloc[-1], ""), unit=words.axis)
    return Chart(f"month-{metric}", title, note, plots.band(frame, words, colour))


def funnel_panel(say: Wording) -> Panel | None:
    """Accounts by step, with the share that goes on and the days it takes."""
    steps = funnel(say.folder)
    if len(steps) < 2:
        return None
    text = say.text
    names = [text.name("steps", s.name) for s in steps]
    labels = [_bar_label(say, s) for s in steps]
    separators = text("format.decimal") + text("format.thousands")
    figure = plots.bars(names, [s.count for s in steps], labels, plots.Words(separators=separators))
    chart = Chart("funnel", text("funnel.chart"), text("funnel.chart_note"), figure)
    first, signed = steps[0], next((s for s in steps if s.name == "signed"), steps[-1])
    share = say.percent(signed.count / first.count)
    head = text("funnel.headline", share=share, first=text.name("steps", first.name),
                last=text.name("steps", signed.name))
    return Panel("funnel", text("funnel.title"), head, text("funnel.lead"), [Charts([chart], wide=True), _steps(say, steps)])


def _bar_label(say: Wording, step: Step) -> str:
    count = say.text.count(step.count)
    if step.share.mean != step.share.mean:
        return count
    return say.text("funnel.bar", count=count, share=say.percent(step.share.mean))


def _steps(say: Wording, steps: list[Step]) -> Table:
    text = say.text
    rows = [
        [
            Cell(text.name("steps", s.name), _meaning(say, s.name)),
            Cell(text.count(s.count), text("format.interval", low=text.count(s.low), high=text.count(s.high))),
            _rate(say, s.share, "1"),
            _rate(say, s.days, "days"),
        ]
        for s in steps
    ]
    head = [text(f"funnel.{k}") for k in ("step", "count", "share", "days")]
    return Table(head, rows, note=text("funnel.note"))


def _meaning(say: Wording, step: str) -> str:
    role = {"registered": "lead", "qualified": "qualified", "opened": "opportunity", "signed": "conversion",
            "activated": "activation"}.get(step, "")
    activity = say.folder.setting(f"business.milestones.{role}") if role else None
    return say.text("funnel.milestone", activity=say.text.name("activities", str(activity))) if activity else ""


def _rate(say: Wording, rate: Rate, unit: str) -> Cell:
    if rate.mean != rate.mean:
        return Cell("")
    return Cell(say.number(rate.mean, unit), say.interval(rate.low, rate.high, unit))
