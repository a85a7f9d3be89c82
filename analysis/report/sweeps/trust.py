"""What failed and how to repeat it, what a reader must know first, what was asked and where the ranges come from."""

from __future__ import annotations

import json
from typing import Any

from analysis.report.blocks import Block, Cell, Facts, Notes, Panel, Table
from analysis.report.forecasts.faults import flat
from analysis.report.sweeps.result import LEVEL, sampler
from analysis.report.sweeps.view import MOST_ROWS, View

COMPLETE = "complete"

FEWEST = 10
"""Replications of a point below which its interval is rough."""

ASSUMED = ("assumed", "convention")
"""Origins that are no evidence."""


def attention(view: View) -> list[str]:
    """What a reader must know before using the figures."""
    folder, text, lines = view.folder, view.text, []
    status = str(folder.manifest.get("status") or COMPLETE)
    if status != COMPLETE:
        lines.append(text("sweeps.attention.status", status=status))
    if len(folder.failed):
        counts = {"runs": text.count(len(folder.failed)), "points": text.count(folder.failed["number"].nunique())}
        lines.append(text("sweeps.attention.failed", **counts))
    fewest = folder.means["replications"].min() if len(folder.means) else FEWEST
    if fewest < FEWEST:
        lines.append(text("sweeps.attention.few", replications=text.count(fewest), enough=text.count(FEWEST)))
    if folder.warnings():
        lines.append(text("sweeps.attention.warnings", count=text.count(len(folder.warnings()))))
    return lines


def failures(view: View) -> Panel | None:
    """Replications that failed, with the command that repeats each."""
    table, text = view.folder.failed, view.text
    if table.empty:
        return None
    shown = table.head(MOST_ROWS).to_dict("records")
    rows = [
        [
            Cell(
                text("sweeps.failures.which", point=r["number"], replication=r["replication"]),
                view.scenario(r["scenario"]),
            ),
            Cell(r["message"], r["type"], look="left"),
            Cell(r["command"], look="code"),
        ]
        for r in shown
    ]
    head = [text("sweeps.failures.point"), text("sweeps.failures.why"), text("setup.failure_command")]
    note = text("sweeps.cut", rows=text.count(MOST_ROWS)) if len(table) > MOST_ROWS else ""
    counts = {"runs": text.count(len(table)), "points": text.count(table["number"].nunique())}
    title, told = text("sweeps.failures.title"), text("sweeps.failures.headline", **counts)
    block = Table(head, rows, note=note, dense=True)
    return Panel("failures", title, told, text("sweeps.failures.lead"), [block])


def ranges(view: View) -> Panel | None:
    """What each key may be, and where that comes from."""
    if not view.folder.columns:
        return None
    text, rows = view.text, [_range(view, key) for key in view.folder.columns]
    head = [text("sweeps.key"), *(text(f"sweeps.ranges.{c}") for c in ("meaning", "range", "base", "own", "origin"))]
    table = Table(head, rows[:MOST_ROWS], note=text("sweeps.ranges.note"))
    known = [o["origin"] for key in view.folder.free if (o := view.folder.origins.get(key))]
    assumed = sum(origin in ASSUMED for origin in known)
    key = "headline" if known else "unknown"
    fields = {"total": text.count(len(view.folder.free)), "assumed": text.count(assumed)}
    told = text(f"sweeps.ranges.{key}", **fields)
    return Panel("ranges", text("sweeps.ranges.title"), told, text("sweeps.ranges.lead"), [table])


def _range(view: View, key: str) -> list[Cell]:
    text, row = view.text, view.folder.origins.get(key, {})
    values = view.folder.points[key].dropna()
    unit = text.unit(row.get("unit", ""))
    own = [view.setting(key, row[end]) for end in ("own_low", "own_high") if row.get(end)]
    source = row.get("source", "")
    where = text.name("ranges_from", row["range_from"]) if row.get("range_from") else ""
    return [
        Cell(view.key(key), key, look="left"),
        Cell(row.get("meaning", ""), look="left"),
        Cell(
            _span(view, key, sorted(set(values))), view.text("words.list").join(p for p in (unit, where) if p), "left"
        ),
        Cell(view.setting(key, row["base"]) if row.get("base") else text("format.undefined")),
        Cell(text("format.interval", low=own[0], high=own[1]) if len(own) == 2 else text("format.undefined")),
        Cell(text.name("origins", row["origin"]) if row.get("origin") else "", source, look="left"),
    ]


def _span(view: View, key: str, values: list[Any]) -> str:
    """Values of a key: each where they are few, else the smallest and the largest."""
    given = (view.folder.experiment.get("keys") or {}).get(key)
    if isinstance(given, dict) and "equals" in given:
        return view.text("sweeps.ranges.linked", equals=given["equals"])
    if len(values) <= 4 or isinstance(values[0], str):
        return view.text("words.list").join(view.setting(key, v) for v in values)
    return view.text("format.interval", low=view.setting(key, values[0]), high=view.setting(key, values[-1]))


def setup(view: View) -> Panel | None:
    """What was run, and what the figures rest on."""
    manifest, text = view.folder.manifest, view.text
    if not manifest:
        return None
    codes = {"setup.command": "command", "sweeps.setup.design": "design", "sweeps.setup.study": "sweep"}
    pairs = [(text(name), str(manifest.get(entry) or "")) for name, entry in codes.items()]
    pairs.append((text("sweeps.setup.engine"), _engine(view)))
    blocks: list[Block] = [Facts([p for p in _told(view) if p[1]]), Facts([p for p in pairs if p[1]], code=True)]
    blocks.append(Notes(text("sweeps.setup.rests"), [text(f"sweeps.setup.{n}", **_fields(view)) for n in RESTS]))
    settings = [(k, v) for k, v in flat(view.folder.experiment) if v]
    if settings:
        title = text("sweeps.setup.settings", count=text.count(len(settings)))
        blocks.append(Facts(settings, title=title, code=True, folded=True))
    if view.folder.warnings():
        blocks.append(Notes(text("sweeps.setup.warnings"), view.folder.warnings()))
    versions = [(str(n), str(v)) for n, v in (manifest.get("versions") or {}).items()]
    if versions:
        blocks.append(Facts(versions, title=text("setup.versions", count=len(versions)), code=True, folded=True))
    head = text("sweeps.setup.headline", **view.what())
    return Panel("setup", text("setup.title"), head, text("sweeps.setup.lead"), blocks)


RESTS = ("common", "interval", "chosen", "space")
"""What the figures rest on, each a sentence."""


def _fields(view: View) -> dict[str, str]:
    return {"level": view.say.percent(LEVEL)}


def _told(view: View) -> list[tuple[str, str]]:
    text, what = view.text, view.what()
    manifest, asked = view.folder.manifest, view.folder.settings
    finished = str((manifest.get("times") or {}).get("finished") or "")
    moment = text("format.moment", date=finished[:10], time=finished[11:16]) if finished else ""
    scenarios = text("words.list").join(view.scenario(s) for s in view.scenarios)
    precision = asked.get("precision")
    return [
        (text("setup.business"), what["business"]),
        (text("setup.span"), what["span"] if view.folder.config else ""),
        (text("sweeps.setup.sampler"), sampler(view)),
        (text("sweeps.setup.points"), what["points"]),
        (text("sweeps.scenarios_card"), scenarios),
        (text("sweeps.setup.each"), str(asked.get("replications") or "")),
        (text("sweeps.setup.precision"), ", ".join(f"{k}: {v}" for k, v in precision.items()) if precision else ""),
        (text("sweeps.setup.seed"), str(manifest.get("seed", ""))),
        (text("sweeps.setup.sample_seed"), str(view.folder.experiment.get("seed", ""))),
        (text("setup.finished"), moment),
    ]


def _engine(view: View) -> str:
    """Version of the random numbers and digest of the code, as the manifest has them."""
    found = str(view.folder.manifest.get("engine") or "")
    try:
        parts = json.loads(found)
    except ValueError:
        return found
    return " ".join(map(str, parts)) if isinstance(parts, list) else found
