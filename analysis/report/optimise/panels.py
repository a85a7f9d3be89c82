"""Panels of an optimisation: the best plans, what was tried, what the search promised and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from analysis.report.blocks import Block, Card, Cards, Cell, Chart, Charts, Facts, Panel, Table
from analysis.report.comparison.charts import Bar, height
from analysis.report.forecasts.charts import beside
from analysis.report.optimise.charts import against, course, trade
from analysis.report.optimise.folder import CURRENT, View
from analysis.report.scaling import scaled, words

MOST_KEYS, MOST_ROWS = 6, 50
"""Keys that are drawn, and rows of a table; more are in the files."""

OPTIMISM = ("optimism", "optimism_low", "optimism_high")

SETTINGS = ("keys", "shares", "uncertain", "sampler", "seed", "budget", "robust", "confirm")
"""Settings of the experiment that are told, with a text of the language each."""


def result(view: View) -> Panel | None:
    """The finalists on fresh seeds, beside the plan as it stands."""
    table, text = view.folder.confirmed, view.text
    if table.empty:
        return None
    blocks: list[Block] = [_cards(view), _finalists(view)]
    return Panel("result", text("optimise.result.title"), headline(view), text("optimise.result.lead"), blocks)


def headline(view: View) -> str:
    """What to do, and how sure that is."""
    rows = _objectives(view, 0)
    best, text = [row for row in rows if row["best"]], view.text
    if not any(row["status"] == "done" for row in rows):
        return text("optimise.result.undefined")
    if not best:
        return text("optimise.result.none")
    if len(view.folder.objectives) > 1:
        return text("optimise.result.front", count=text.count(len(best)))
    if best[0]["role"] == CURRENT:
        return text("optimise.result.stay")
    current = next(row for row in rows if row["role"] == CURRENT)
    kind = "alike" if current["near"] else "best" if current["feasible"] else "only"
    fields = {"plan": view.plan(best[0]), "values": view.values(best[0]), "metric": view.metric(best[0])}
    value = view.figure(best[0], "confirmed", best[0]["unit"])
    return text(f"optimise.result.{kind}", value=value, now=view.say.value(current["confirmed"], current["unit"]),
                **fields)  # fmt: skip


def _objectives(view: View, number: int) -> list[dict[str, Any]]:
    """Rows of confirmed plans for one objective."""
    told = view.folder.objectives[number]
    table = view.folder.confirmed
    chosen = (table["kind"] == "objective") & (table["metric"] == told["metric"]) & (table["period"] == told["period"])
    found: list[dict[str, Any]] = table[chosen].to_dict("records")
    return found


def _cards(view: View) -> Cards:
    """Every objective of the best plan and of the plan as it stands."""
    cards = []
    for number, told in enumerate(view.folder.objectives):
        rows = _objectives(view, number)
        shown = [row for row in rows if row["best"]][:1] + [row for row in rows if row["role"] == CURRENT]
        for row in shown:
            label = view.text("optimise.of_plan", metric=view.metric(told), plan=view.plan(row))
            note = view.text.interval(row["confirmed_low"], row["confirmed_high"], row["unit"])
            unit = view.text.unit(row["unit"])
            cards.append(Card(label, view.text.number(row["confirmed"], row["unit"]), unit, note))
    return Cards(cards[:4])


def _finalists(view: View) -> Table:
    text = view.text
    rows = [_objectives(view, number) for number in range(len(view.folder.objectives))]
    head = [text("optimise.plan"), text("optimise.sets")]
    head += [view.metric(told) for told in view.folder.objectives] + [text("optimise.limits"), text("optimise.verdict")]
    body = []
    for place, first in enumerate(rows[0]):
        figures = [Cell(view.figure(each[place], "confirmed", each[place]["unit"])) for each in rows]
        kept = Cell(text("optimise.kept" if first["feasible"] else "optimise.broken"), look="left")
        verdict = "best" if first["best"] else "near" if first["near"] else "behind" if first["feasible"] else "out"
        last = Cell(text(f"optimise.verdicts.{verdict}"), look="left")
        body.append([Cell(view.plan(first)), Cell(view.values(first), look="left"), *figures, kept, last])
    return Table(head, body, note=text("optimise.result.note"), numbers=2)


def promised(view: View) -> Panel | None:
    """What the search promised for the finalists, and what fresh seeds say."""
    table, text = view.folder.confirmed, view.text
    if table.empty:
        return None
    charts = []
    for number, told in enumerate(view.folder.objectives):
        rows = [row for row in _objectives(view, number) if row["optimism"] == row["optimism"]]
        if rows:
            figures, unit = scaled(view.say, pd.DataFrame(rows)[list(OPTIMISM)].astype(float), str(told["unit"]))
            bars = [Bar(view.plan(row), *ends) for row, ends in zip(rows, figures.to_numpy().tolist(), strict=True)]
            figure = beside(bars, [0.0], words(view.say))
            charts.append(Chart(f"promised-{number}", view.metric(told), unit, text("optimise.promised.note"), figure,
                                height(len(bars))))  # fmt: skip
    found = [row for number in range(len(view.folder.objectives)) for row in _objectives(view, number)
             if row["role"] != CURRENT and row["optimism"] == row["optimism"]]  # fmt: skip
    high = sum(row["optimism"] > 0 for row in found)
    told_ = text("optimise.promised.headline", high=text.count(high), count=text.count(len(found)))
    return Panel("promised", text("optimise.promised.title"), told_, text("optimise.promised.lead"), [Charts(charts)])


def tried(view: View) -> Panel | None:
    """All trials: along the search, one objective against the other, and objectives against keys."""
    folder, text = view.folder, view.text
    done = folder.trials[(folder.trials["status"] == "done") & (folder.trials["role"] != CURRENT)]
    if done.empty:
        return None
    names = (text("optimise.feasible"), text("optimise.infeasible"), text("optimise.so_far"))
    done, front, units = _scaled(view, done)
    charts = []
    for number, told in enumerate(folder.objectives):
        figure = course(done, told, words(view.say, *names, dates=False))
        charts.append(Chart(f"course-{number}", view.metric(told), units[number],
                            text("optimise.tried.course"), figure))  # fmt: skip
    if len(folder.objectives) > 1:
        one, other = folder.objectives[:2]
        axis = ", ".join(filter(None, (view.metric(one), units[0])))
        figure = trade(done, front, (one, other), words(view.say, *names, axis, dates=False))
        charts.insert(0, Chart("trade", view.metric(other), units[1], text("optimise.tried.trade"), figure))
    first = folder.objectives[0]
    for place, alias in enumerate(list(folder.keys.values())[:MOST_KEYS]):
        figure = against(done, first, alias, words(view.say, *names, dates=False))
        title = text("optimise.tried.against", metric=view.metric(first), lever=alias)
        charts.append(Chart(f"key-{place}", title, units[0], text("optimise.tried.key"), figure))
    feasible = int(done["feasible"].sum())
    told_text = text("optimise.tried.headline", feasible=text.count(feasible), count=text.count(len(done)))
    return Panel("tried", text("optimise.tried.title"), told_text, text("optimise.tried.lead"), [Charts(charts)])


def _scaled(view: View, trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Trials and front with every objective in a scale that can be read, and the words for the units."""
    together, units = pd.concat([trials, view.folder.front]), []
    for told in view.folder.objectives:
        columns = [f"{told['column']}{end}" for end in ("", "_low", "_high")]
        together[columns], unit = scaled(view.say, together[columns].astype(float), str(told["unit"]))
        units.append(unit)
    return together.iloc[: len(trials)], together.iloc[len(trials) :], units


def setup(view: View) -> Panel | None:
    """What was searched, with what budget, and the command that makes it again."""
    manifest, text = view.folder.manifest, view.text
    settings = manifest.get("settings") or {}
    limits = [str(each["text"]) for each in view.folder.limits]
    limits += [each for each in settings.get("constraints") or [] if isinstance(each, str)]
    pairs = [(text("optimise.setup.limits"), "; ".join(limits))]
    pairs += [(text(f"optimise.setup.{name}"), _flat(settings.get(name)))
              for name in SETTINGS]  # fmt: skip
    codes = [(text("setup.command"), str(manifest.get("command") or ""))]
    codes.append((text("optimise.setup.digest"), str(manifest.get("design") or "")))
    blocks: list[Block] = [Facts([pair for pair in pairs if pair[1]]), Facts(codes, code=True), *_failures(view)]
    lead = text("optimise.setup.lead")
    return Panel("setup", text("optimise.setup.title"), text("optimise.setup.headline", **view.what()), lead, blocks)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_flat(each)}" for name, each in value.items())
    return "" if value is None else str(value)


def _failures(view: View) -> list[Block]:
    rows, text = view.folder.manifest.get("failures") or [], view.text
    if not rows:
        return []
    head = [text("optimise.plan"), text("optimise.setup.error"), text("setup.command")]
    body = [[Cell(view.plan(row)), Cell(f"{row['type']}: {row['message']}", look="left"),
             Cell(row["command"], look="code")] for row in rows[:MOST_ROWS]]  # fmt: skip
    return [Table(head, body, title=text("optimise.setup.failures"), dense=True)]


PANELS: tuple[Callable[[View], Panel | None], ...] = (result, promised, tried, setup)
"""In the order of the questions: what is best, how far to trust that, what was tried, how it was made."""
