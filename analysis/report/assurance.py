"""Panels that show how far to trust the figures: checks, plausibility, inputs, what was run, definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Facts, Notes, Panel, Shares, Span, Table
from analysis.report.folder import HORIZON
from analysis.report.stress import items
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

ORIGINS = ("yours", "sourced", "assumed", "calibrated", "convention")
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
        rows.append(
            [
                Cell(say.metric(metric), text.name("confidences", _text(row["confidence"]))),
                Cell("", span=_span(row)),
                Cell(say.value(row["mean"], unit), text.interval(row["ci_low"], row["ci_high"], unit)),
                Cell(text.interval(row["low"], row["high"], unit)),
                Cell(text.name("states", status), look=STATES.get(status, "mute")),
                Cell(_text(row["source"]), look="left"),
            ]
        )
    head = [text(f"trust.{k}") for k in ("metric", "scale", "found", "range", "state", "source")]
    title, note = text("trust.plausibility"), text("trust.plausibility_note")
    return Table(head, rows, title=title, note=note, numbers=2)


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
            Cell(text.name("identities", str(row["identity"])), say.identity(str(row["identity"]))),
            Cell(text("trust.holds"), look="good") if row["holds"] else Cell(text("trust.broken"), look="bad"),
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
    counts, total = origins(register), len(register)
    parts = [(text.name("origins", o), text.count(n), n / total) for o, n in counts]
    head = text("inputs.headline", total=text.count(total), assumed=text.count(dict(counts).get("assumed", 0)))
    yours = register[register["origin"] == "yours"]
    blocks: list[Block] = [Shares(parts)]
    if len(yours):
        blocks.append(_register(say, yours, text("inputs.yours"), folded=False))
    blocks.append(_register(say, register, text("inputs.all", count=text.count(len(register))), folded=True))
    return Panel("inputs", text("inputs.title"), head, text("inputs.lead"), blocks)


def origins(register: pd.DataFrame) -> list[tuple[str, int]]:
    """How many numbers have each origin, in a fixed order."""
    counts = {str(o): int(n) for o, n in register["origin"].value_counts().items()}
    return [(o, counts[o]) for o in (*ORIGINS, *sorted(set(counts) - set(ORIGINS))) if o in counts]


def _register(say: Wording, register: pd.DataFrame, title: str, *, folded: bool) -> Table:
    text = say.text
    rows = [
        [
            Cell(row["key"], row["meaning"], look="code"),
            Cell(row["value"]),
            Cell(text.unit(row["unit"]), look="left"),
            Cell(text.name("origins", row["origin"]), look="left"),
            Cell(_range(say, row["low"], row["high"])),
            Cell(row["source"], look="left"),
        ]
        for row in register.to_dict("records")
    ]
    head = [text(f"inputs.{k}") for k in ("key", "value", "unit", "origin", "range", "source")]
    return Table(head, rows, title=title, folded=folded, dense=True)


def _range(say: Wording, low: str, high: str) -> str:
    return say.text("format.interval", low=_short(low), high=_short(high)) if low or high else ""


def _short(number: str) -> str:
    try:
        return f"{float(number):.6g}"
    except ValueError:
        return number


def setup(say: Wording) -> Panel | None:
    """What was run: the study, what differs from the defaults, the versions."""
    folder, text = say.folder, say.text
    if not folder.manifest and not folder.config:
        return None
    blocks: list[Block] = [Facts(_study(say)), Facts(_origin(say), code=True)]
    blocks.append(Notes(text("setup.changed"), folder.overrides() or [text("setup.unchanged")]))
    blocks += [_failures(say)] if folder.failures() else []
    blocks += [_versions(say)] if folder.manifest.get("versions") else []
    blocks.append(items(say))
    head = text("setup.headline", **say.what())
    return Panel("setup", text("setup.title"), head, text("setup.lead"), blocks)


def _study(say: Wording) -> list[tuple[str, str]]:
    text, what = say.text, say.what()
    pairs = [(text(f"setup.{k}"), what[k]) for k in ("business", "span", "accounts", "replications", "seed")]
    pairs += [(text(f"setup.{group}"), _label(say, group)) for group in ("market", "policy")]
    finished = str(say.folder.manifest.get("times", {}).get("finished") or "")
    moment = text("format.moment", date=finished[:10], time=finished[11:16]) if finished else ""
    return [p for p in (*pairs, (text("setup.finished"), moment)) if p[1]]


def _origin(say: Wording) -> list[tuple[str, str]]:
    manifest = say.folder.manifest
    pairs = [(say.text(f"setup.{k}"), str(manifest.get(k, ""))) for k in ("command", "study_digest")]
    return [p for p in pairs if p[1]]


def _versions(say: Wording) -> Table:
    text = say.text
    rows = [[Cell(n, look="code"), Cell(str(v))] for n, v in say.folder.manifest["versions"].items()]
    head, title = [text("setup.program"), text("setup.version")], text("setup.versions", count=len(rows))
    return Table(head, rows, title=title, folded=True, dense=True)


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
    rows = summary[(summary["period"].astype(str) == HORIZON) & summary["mean"].notna()]
    shown = dict.fromkeys(rows["metric"].astype(str))
    pairs = [(say.metric(m), found) for m in shown if (found := say.definition(m))]
    if not pairs:
        return None
    text = say.text
    count = text.count(len(pairs))
    blocks = [Facts(pairs, title=text("definitions.all", count=count), folded=True)]
    head = text("definitions.headline", count=count)
    return Panel("definitions", text("definitions.title"), head, text("definitions.lead"), blocks)


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)
