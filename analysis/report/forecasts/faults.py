"""What failed and why, what a reader must know first, and what was run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Facts, Notes, Panel, Table
from analysis.report.forecasts.view import MOST_ROWS, NAIVE, View

if TYPE_CHECKING:
    import pandas as pd

DONE = ("done", "finished", "complete", "ok")
"""States of a folder that need no remark."""

FEWEST_CLUSTERS = 10
"""Series below which intervals of a backtest are rough."""


def faults(view: View) -> Panel | None:
    """Series without a forecast, rows that were put aside, and what was done otherwise than asked."""
    folder, text = view.folder, view.text
    if not folder.ahead and folder.missing.empty and folder.rejects.empty:
        return None
    notes, skipped = remarks(view), origins_skipped(view)
    counts = {
        "series": text.count(folder.missing["unique_id"].nunique()),
        "rows": text.count(len(folder.rejects)),
        "remarks": text.count(len({name for names in notes.values() for name in names})),
    }
    broken = len(folder.missing) + len(folder.rejects) + len(notes) + len(skipped)
    head = text("forecasts.faults.headline", **counts) if broken else text("forecasts.faults.none")
    blocks: list[Block] = []
    if len(folder.missing):
        blocks.append(_missing(view))
    if notes:
        blocks.append(_remarks(view, notes, "remarks"))
    if skipped:
        blocks.append(_remarks(view, skipped, "skipped"))
    if len(folder.rejects):
        blocks.append(_rejects(view))
    return Panel("faults", text("forecasts.faults.title"), head, text("forecasts.faults.lead"), blocks)


def remarks(view: View) -> dict[str, list[str]]:
    """Notes of the forecasts, each with its series."""
    return _grouped(view.folder.forecast)


def origins_skipped(view: View) -> dict[str, list[str]]:
    """Notes of origins of the backtest that could not be scored, each with its series."""
    table = view.folder.backtest
    return _grouped(table[table["mase"].isna()] if "mase" in table else table.iloc[:0])


def _grouped(table: pd.DataFrame) -> dict[str, list[str]]:
    rows = table[table["note"] != ""].drop_duplicates(["unique_id", "note"])
    return {str(note): [str(n) for n in part["unique_id"]] for note, part in rows.groupby("note", sort=False)}


def _missing(view: View) -> Table:
    text = view.text
    rows = [
        [Cell(view.series(r["unique_id"])), Cell(view.model(r["model"]), look="left"), Cell(r["reason"], look="left")]
        for r in view.folder.missing.head(MOST_ROWS).to_dict("records")
    ]
    head = [text("forecasts.series"), text("forecasts.model"), text("forecasts.faults.reason")]
    return Table(head, rows, title=text("forecasts.faults.missing"), dense=True)


def _remarks(view: View, notes: dict[str, list[str]], kind: str) -> Table:
    text = view.text
    rows = [
        [Cell(note, look="left"), Cell(text.count(len(names))), Cell(view.names(names, 8), look="left")]
        for note, names in list(notes.items())[:MOST_ROWS]
    ]
    head = [text("forecast.note"), text("forecasts.faults.count"), text("forecasts.series")]
    title = text(f"forecasts.faults.{kind}", count=text.count(len(notes)))
    return Table(head, rows, title=title, note=text(f"forecasts.faults.{kind}_note"), folded=True, dense=True)


def _rejects(view: View) -> Table:
    text, table = view.text, view.folder.rejects
    rows = [
        [Cell(r["line"]), Cell(r["reason"], look="left"), Cell(r["text"], look="code")]
        for r in table.head(MOST_ROWS).to_dict("records")
    ]
    head = [text(f"forecasts.faults.{c}") for c in ("line", "reason", "text")]
    title = text("forecasts.faults.rejects", count=text.count(len(table)))
    note = text("forecasts.faults.rejects_note")
    return Table(head, rows, title=title, note=note, folded=True, dense=True)


def attention(view: View) -> list[str]:
    """What a reader must know before using the forecasts."""
    folder, text = view.folder, view.text
    lines = []
    status = str(folder.manifest.get("status") or "")
    if status and status not in DONE:
        lines.append(text("forecasts.attention.status", status=status))
    if len(folder.missing):
        names = view.names(list(dict.fromkeys(folder.missing["unique_id"])))
        lines.append(text("forecasts.attention.missing", names=names))
    if len(folder.rejects):
        lines.append(text("forecasts.attention.rejects", count=text.count(len(folder.rejects))))
    lines += _doubts(view)
    if folder.warnings():
        lines.append(text("forecasts.attention.warnings", count=text.count(len(folder.warnings()))))
    return lines


def _doubts(view: View) -> list[str]:
    """Where the backtest speaks against the model in use."""
    text, lines, model = view.text, [], view.model(view.main)
    score = view.score(view.main, "mase")
    if view.main != NAIVE and score["ratio_low"] > 1:
        lines.append(text("forecasts.attention.worse", model=model, ratio=view.ratio(score)))
    for level in view.folder.levels:
        cover = view.score(view.main, f"cov{level}")
        if cover["high"] < level / 100:
            fields = {"level": view.say.percent(level / 100), "share": view.say.percent(cover["mean"])}
            lines.append(text("forecasts.attention.narrow", **fields))
    if view.models and not view.tried:
        lines.append(text("forecasts.attention.untried", steps=view.what()["steps"]))
    elif view.models and score["clusters"] < FEWEST_CLUSTERS:
        lines.append(text("forecasts.attention.few", count=text.count(score["clusters"])))
    return lines


def setup(view: View) -> Panel | None:
    """What was run."""
    manifest, text = view.folder.manifest, view.text
    if not manifest:
        return None
    codes = [(text("setup.command"), str(manifest.get("command") or ""))]
    codes += [(text("forecasts.setup.digest"), str(manifest.get("forecast") or ""))]
    settings = [(k, v) for k, v in flat(view.folder.settings) if v]
    blocks: list[Block] = [Facts([p for p in _told(view) if p[1]]), Facts([p for p in codes if p[1]], code=True)]
    if settings:
        title = text("forecasts.setup.settings", count=text.count(len(settings)))
        blocks.append(Facts(settings, title=title, code=True, folded=True))
    if view.folder.warnings():
        blocks.append(Notes(text("forecasts.setup.warnings"), view.folder.warnings()))
    versions = [(str(n), str(v)) for n, v in (manifest.get("versions") or {}).items()]
    if versions:
        blocks.append(Facts(versions, title=text("setup.versions", count=len(versions)), code=True, folded=True))
    head, lead = text("forecasts.setup.headline"), text("forecasts.setup.lead")
    return Panel("setup", text("setup.title"), head, lead, blocks)


def _told(view: View) -> list[tuple[str, str]]:
    text, source, what = view.text, view.folder.source, view.what()
    finished = str((view.folder.manifest.get("times") or {}).get("finished") or "")
    rows = text.count(source["rows"]) if source.get("rows") is not None else ""
    return [
        (text("forecasts.setup.source"), text("words.list").join(view.folder.paths)),
        (text("forecasts.setup.kind"), text.name("sources", view.kind)),
        (text("forecasts.setup.rows"), rows),
        (text("forecasts.setup.series"), what["series"]),
        (text("forecasts.setup.horizon"), what["steps"]),
        (text("forecasts.setup.cutoff"), what["cutoff"]),
        (text("forecasts.setup.model"), what["model"]),
        (text("forecasts.setup.finished"), _moment(view, finished)),
    ]


def _moment(view: View, finished: str) -> str:
    return view.text("format.moment", date=finished[:10], time=finished[11:16]) if finished else ""


def flat(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as dotted keys with their values as text; what is empty is left out."""
    found: list[tuple[str, str]] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found += flat(value, f"{name}.")
        elif value is not None:
            found.append((name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return found
