"""How sure, and why: intervals and pairing of the declared metrics, all other metrics, what was run."""

from __future__ import annotations

from analysis.report.blocks import Block, Cell, Facts, Notes, Panel, Table
from analysis.report.comparison.case import SURE, UNKNOWN, UNSURE, ZERO, Case, Difference
from analysis.report.comparison.decision import p_value
from analysis.report.comparison.folder import Comparison
from analysis.report.comparison.result import difference, differences
from analysis.report.folder import HORIZON
from analysis.report.strings import Catalogue
from analysis.report.wording import Wording

ENOUGH = 20
"""Replications below which the reader is warned that intervals are rough."""

PAIRED = 1.2
"""Variance ratio below which pairing did not help."""


def sure(case: Case) -> Panel | None:
    """The declared metrics with everything that their intervals rest on."""
    rows = [r for m in case.primary for r in case.across(m).values()]
    if not rows:
        return None
    text = case.text
    counted = [sum(r.verdict == v for r in rows) for v in (SURE, ZERO, UNKNOWN)]
    head = text("compare.sure.headline", sure=text.count(counted[0]), total=text.count(len(rows)))
    if counted[1]:
        head = " ".join([head, text("compare.sure.zeros", count=text.count(counted[1]))])
    facts = [
        (text("compare.sure.replications"), text.count(case.replications)),
        (text("compare.sure.stopped"), stopped(case.folder)),
        (text("compare.sure.pairing"), _pairing(case, rows)),
        (text("compare.sure.precision"), _precision(case)),
    ]
    blocks: list[Block] = [Facts([f for f in facts if f[1]]), _table(case), *_notes(case, rows)]
    lead = text("compare.sure.lead", level=case.say.percent(case.level))
    return Panel("sure", text("compare.sure.title"), head, lead, blocks)


def stopped(folder: Comparison) -> str:
    """Why replication ended."""
    return str(folder.manifest.get("stopped") or "")


def _precision(case: Case) -> str:
    asked = case.folder.manifest.get("precision")
    if not asked:
        return ""
    pairs = asked.items() if isinstance(asked, dict) else [("", asked)]
    parts = [f"{name}: {value}" if name else str(value) for name, value in pairs if value is not None]
    return case.text("words.list").join(parts)


def _pairing(case: Case, rows: list[Difference]) -> str:
    """What common random numbers saved."""
    ratios = sorted(r.ratio for r in rows if r.ratio == r.ratio)
    if not ratios:
        return ""
    low, high = (case.text.number(v) for v in (ratios[0], ratios[-1]))
    return case.text("compare.sure.ratio" if ratios[0] >= PAIRED else "compare.sure.no_ratio", low=low, high=high)


def _table(case: Case) -> Table:
    text, rows = case.text, []
    for metric in case.primary:
        for plan, row in case.across(metric).items():
            rows.append([Cell(case.say.metric(metric), case.label(plan)), *_evidence(case, row)])
    columns = ("difference", "level", "p_holm", "correlation", "ratio_column", "touched")
    head = [text("words.metric"), *(text(f"compare.sure.{c}") for c in columns)]
    return Table(head, rows, title=text("compare.sure.table"), note=text("compare.sure.table_note"), dense=True)


def _notes(case: Case, rows: list[Difference]) -> list[Block]:
    """What was remarked on single differences."""
    lines = [
        case.text("compare.sure.remark", plan=case.label(p), metric=case.say.metric(m), note=r.note)
        for m in case.primary
        for p, r in case.across(m).items()
        if r.note and r in rows
    ]
    return [Notes(case.text("compare.sure.remarks"), lines)] if lines else []


def _evidence(case: Case, row: Difference) -> list[Cell]:
    text = case.text
    level = text("format.percent", value=text.fixed(100 * row.level, 1)) if row.level == row.level else ""
    method = text.name("methods", row.method) if row.method else ""
    touched = text("words.of", part=text.number(row.touched, "count"), whole=text.number(row.replications, "count"))
    correlation = text.fixed(row.correlation, 2) if row.correlation == row.correlation else ""
    ratio = text.number(row.ratio) if row.ratio == row.ratio else ""
    return [
        difference(case, row),
        Cell(level, method),
        Cell(p_value(case, row.p_holm)),
        Cell(correlation),
        Cell(ratio),
        Cell(touched),
    ]


def everything(case: Case) -> Panel | None:
    """All metrics, folded: exploratory, with intervals that are each on their own."""
    others = [m for m in case.metrics if m not in case.primary and _defined(case, m)]
    if not others:
        return None
    text = case.text
    whole = differences(case, others, HORIZON, text("compare.all.horizon", count=text.count(len(others))), folded=True)
    blocks: list[Block] = [whole] if whole.rows else []
    years = sorted({p for _, _, p in case.rows} - {HORIZON})
    for year in years:
        table = differences(case, others, year, text("compare.all.year", year=year), folded=True)
        blocks += [table] if table.rows else []
    blocks += _meanings(case)
    return Panel("figures", text("compare.all.title"), _moved(case, others), text("compare.all.lead"), blocks)


def _defined(case: Case, metric: str) -> bool:
    """Whether a metric is defined anywhere over the whole time."""
    return any(row.base == row.base or row.mean == row.mean for row in case.across(metric).values())


def _moved(case: Case, metrics: list[str]) -> str:
    """How many of the exploratory differences stand out, beside how many would if no plan did anything."""
    verdicts = [r.verdict for m in metrics for r in case.across(m).values() if r.verdict in (SURE, UNSURE)]
    if not verdicts:
        return case.text("compare.all.none")
    chance = case.text.fixed(len(verdicts) * (1 - case.level), 1)
    counts = {"moved": case.text.count(verdicts.count(SURE)), "total": case.text.count(len(verdicts))}
    return case.text("compare.all.headline", **counts, chance=chance)


def _meanings(case: Case) -> list[Block]:
    pairs = [(case.say.metric(m), found) for m in case.metrics if (found := case.say.definition(m))]
    title = case.text("compare.all.meanings", count=case.text.count(len(pairs)))
    return [Facts(pairs, title=title, folded=True)] if pairs else []


def setup(folder: Comparison, text: Catalogue) -> Panel | None:
    """What was run."""
    manifest = folder.manifest
    if not manifest:
        return None
    counts = [
        text(
            "compare.setup.count",
            business=_business(folder, b, text),
            replications=text.count(folder.replications_of(b)),
        )
        for b in folder.businesses
    ]
    told = [
        (text("setup.replications"), text("words.list").join(counts)),
        (text("setup.seed"), str(manifest.get("seed", ""))),
        (text("setup.finished"), _moment(folder, text)),
    ]
    codes = [
        (text("setup.command"), str(manifest.get("command") or "")),
        (text("compare.setup.digest"), str(manifest.get("comparison") or "")),
    ]
    blocks: list[Block] = [Facts([p for p in told if p[1]]), Facts([p for p in codes if p[1]], code=True)]
    if folder.warnings():
        blocks.append(Notes(text("trust.warnings"), folder.warnings()))
    if folder.failures():
        blocks.append(_failures(folder, text))
    versions = [(str(n), str(v)) for n, v in (manifest.get("versions") or {}).items()]
    if versions:
        title = text("setup.versions", count=len(versions))
        blocks.append(Facts(versions, title=title, code=True, folded=True))
    return Panel("setup", text("setup.title"), text("compare.setup.headline"), text("compare.setup.lead"), blocks)


def _business(folder: Comparison, business: str, text: Catalogue) -> str:
    scenarios = folder.businesses[business]
    return Wording(folder.plan(business, scenarios[0]), text).business() if scenarios else business


def _moment(folder: Comparison, text: Catalogue) -> str:
    finished = str((folder.manifest.get("times") or {}).get("finished") or "")
    return text("format.moment", date=finished[:10], time=finished[11:16]) if finished else ""


def _failures(folder: Comparison, text: Catalogue) -> Table:
    columns = ("replication", "type", "message", "command")
    rows = [[Cell(str(f.get(c, "")), look="left") for c in columns] for f in folder.failures()]
    head = [text(f"setup.failure_{c}") for c in columns]
    return Table(head, rows, title=text("setup.failures"), dense=True)


def attention(folder: Comparison, cases: list[Case], text: Catalogue) -> list[str]:
    """What a reader must know before using the differences."""
    lines = [text("attention.failures", count=len(folder.failures()))] if folder.failures() else []
    few = [c.replications for c in cases if c.replications < ENOUGH]
    if few:
        lines.append(text("attention.few", replications=min(few)))
    silent = [(c, r) for c in cases for m in c.primary for r in c.across(m).values() if r.verdict == UNKNOWN]
    if silent:
        names = dict.fromkeys(c.say.metric(r.metric) for c, r in silent)
        lines.append(text("compare.attention.unknown", names=text("words.list").join(names)))
    weak = [(c, r) for c in cases for m in c.primary for r in c.across(m).values() if r.ratio < PAIRED]
    if weak:
        names = dict.fromkeys(c.say.metric(r.metric) for c, r in weak)
        lines.append(text("compare.attention.unpaired", names=text("words.list").join(names)))
    if folder.warnings():
        lines.append(text("compare.attention.warnings", count=len(folder.warnings())))
    return lines
