"""Panels that show how far to trust the figures: checks, plausibility, inputs, what was run, definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Facts, Notes, Panel, Shares, Span, Table
from analysis.report.folder import HORIZON
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

ORIGINS = ("yours", "sourced", "assumed", "calibrated")
STATES = {"in": "good", "out": "bad", "undefined": "mute"}


def trust(say: Wording) -> Panel | None:
    """Identities of the books, plausible ranges, warnings."""
    folder, text = say.folder, say.text
    holds, checks = int(folder.identities["holds"].sum()), len(folder.identities)
    inside, judged = in_range(folder.plausibility)
    if not checks and folder.plausibility.empty:
        return None
    head = text("trust.headline", holds=holds, checks=checks, inside=inside, judged=judged)
    blocks: list[Block] = []
    if not folder.plausibility.empty:
        blocks.append(_plausibility(say))
    if checks:
        blocks.append(_identities(say))
    warnings = folder.warnings()
    if warnings:
        blocks.append(Notes(text("trust.warnings"), warnings))
    return Panel("trust", text("trust.title"), head, text("trust.lead"), blocks)


def in_range(plausibility: pd.DataFrame) -> tuple[int, int]:
    """How many outcomes lie in their plausible range, of how many that could be judged."""
    status = plausibility["status"].astype(str)
    return int((status == "in").sum()), int(status.isin(["in", "out"]).sum())


def _plausibility(say: Wording) -> Table:
    text, rows = say.text, []
    for row in say.folder.plausibility.to_dict("records"):
        metric, unit, status = str(row["metric"]), str(row["unit"]), str(row["status"])
        rows.append([
            Cell(say.metric(metric), text.name("confidences", str(row["confidence"]))),
            Cell("", span=_span(row)),
            Cell(say.value(row["mean"], unit, metric), say.interval(row["ci_low"], row["ci_high"], unit, metric)),
            Cell(say.interval(row["low"], row["high"], unit, metric)),
            Cell(text.name("states", status), look=STATES.get(status, "mute")),
            Cell(_text(row["source"]), look="left"),
        ])
    head = [text(f"trust.{k}") for k in ("metric", "scale", "found", "range", "state", "source")]
    return Table(head, rows, title=text("trust.plausibility"), note=text("trust.plausibility_note"), numbers=2)


def _span(row: dict[str, Any]) -> Span | None:
    low, high, mean = float(row["low"]), float(row["high"]), float(row["mean"])
    if mean != mean or not high > low:
        return None
    ends = [float(row[k]) if float(row[k]) == float(row[k]) else mean for k in ("ci_low", "ci_high")]
    left, right, dot = (min(100.0, max(0.0, 25 + 50 * (v - low) / (high - low))) for v in (*ends, mean))
    return Span(round(left, 1), round(max(right - left, 0.5), 1), round(dot, 1))


def _identities(say: Wording) -> Table:
    text = say.text
    rows = [
        [
            Cell(text.name("identities", str(row["identity"]))),
            Cell(text("trust.holds") if row["holds"] else text("trust.broken"), look="good" if row["holds"] else "bad"),
            Cell(text.number(row["max_gap"])),
            Cell(_text(row["replications"])),
        ]
        for row in say.folder.identities.to_dict("records")
    ]
    head = [text(f"trust.{k}") for k in ("identity", "result", "gap", "checked")]
    return Table(head, rows, title=text("trust.identities"), note=text("trust.identities_note"))


def inputs(say: Wording) -> Panel | None:
    """Where the numbers that entered come from."""
    register, text = say.folder.inputs, say.text
    if register.empty:
        return None
    counts = register["origin"].value_counts()
    order = [*(o for o in ORIGINS if o in counts), *(o for o in counts.index if o not in ORIGINS)]
    parts = [(text.name("origins", o), text.count(counts[o]), float(counts[o] / len(register))) for o in order]
    head = text("inputs.headline", total=text.count(len(register)), assumed=text.count(counts.get("assumed", 0)))
    yours = register[register["origin"] == "yours"]
    blocks: list[Block] = [Shares(parts)]
    if len(yours):
        blocks.append(_register(say, yours, text("inputs.yours"), folded=False))
    blocks.append(_register(say, register, text("inputs.all", count=text.count(len(register))), folded=True))
    return Panel("inputs", text("inputs.title"), head, text("inputs.lead"), blocks)


def _register(say: Wording, register: pd.DataFrame, title: str, *, folded: bool) -> Table:
    text = say.text
    rows = [
        [
            Cell(row["key"], row["meaning"], look="code"),
            Cell(row["value"]),
            Cell(text.unit(row["unit"]), look="left"),
            Cell(text.name("origins", row["origin"]), look="left"),
            Cell(text("format.interval", low=row["low"], high=row["high"]) if row["low"] or row["high"] else ""),
            Cell(row["source"], look="left"),
        ]
        for row in register.to_dict("records")
    ]
    head = [text(f"inputs.{k}") for k in ("key", "value", "unit", "origin", "range", "source")]
    return Table(head, rows, title=title, folded=folded, dense=True)


def setup(say: Wording) -> Panel | None:
    """What was run: the study, what differs from the defaults, the versions."""
    folder, text = say.folder, say.text
    if not folder.manifest and not folder.config:
        return None
    what = say.what()
    manifest = folder.manifest
    digest = str(manifest.get("study_digest", ""))
    pairs = [(text(f"setup.{k}"), what[k]) for k in ("business", "span", "accounts", "replications", "seed")]
    pairs += [(text("setup.market"), _label(say, "market")), (text("setup.policy"), _label(say, "policy"))]
    pairs += [(text("setup.finished"), str(manifest.get("times", {}).get("finished") or ""))]
    code = [(text("setup.command"), str(manifest.get("command", ""))), (text("setup.digest"), digest)]
    blocks: list[Block] = [Facts([p for p in pairs if p[1]]), Facts([p for p in code if p[1]], code=True)]
    changed = folder.overrides()
    blocks.append(Notes(text("setup.changed"), changed or [text("setup.unchanged")]))
    blocks += [_failures(say)] if folder.failures() else []
    versions = [(n, str(v)) for n, v in manifest.get("versions", {}).items()]
    if versions:
        rows = [[Cell(n, look="code"), Cell(v)] for n, v in versions]
        head = [text("setup.program"), text("setup.version")]
        blocks.append(Table(head, rows, title=text("setup.versions", count=len(rows)), folded=True, dense=True))
    return Panel("setup", text("setup.title"), text("setup.headline", **what), text("setup.lead"), blocks)


def _label(say: Wording, group: str) -> str:
    return str(say.folder.setting(f"{group}.label") or say.folder.setting(f"{group}.name") or "")


def _failures(say: Wording) -> Table:
    text, columns = say.text, ("replication", "type", "message", "command")
    rows = [[Cell(str(f.get(c, "")), look="left") for c in columns] for f in say.folder.failures()]
    head = [text(f"setup.failure_{c}") for c in columns]
    return Table(head, rows, title=text("setup.failures"))


def definitions(say: Wording) -> Panel | None:
    """What the metrics of this report mean."""
    summary = say.folder.summary
    shown = list(dict.fromkeys(summary.loc[summary["period"].astype(str) == HORIZON, "metric"].astype(str)))
    pairs = [(say.metric(m), found) for m in shown if (found := say.definition(m))]
    if not pairs:
        return None
    text = say.text
    head = text("definitions.headline", count=text.count(len(pairs)))
    return Panel("definitions", text("definitions.title"), head, text("definitions.lead"), [Facts(pairs)])


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)
