"""Why plans differ: waterfalls of the three bridges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.comparison.case import LOOKS, SURE, UNKNOWN, UNSURE, ZERO, Case, known
from analysis.report.comparison.charts import Bar, height, waterfall
from analysis.report.comparison.result import scale
from analysis.report.scaling import words

if TYPE_CHECKING:
    import pandas as pd

CONFIG, BUSINESS, ACCOUNT = "config", "business", "account"
BRIDGES = (BUSINESS, CONFIG, ACCOUNT)
TOTAL = "total"
MOST_STEPS = 9


def drivers(case: Case) -> Panel | None:
    """Every bridge of every plan as a waterfall, with a table."""
    frame = case.of(case.folder.driver_means)
    frame = frame[frame["scenario"].astype(str).isin(case.plans)]
    if frame.empty:
        return None
    text, blocks = case.text, []
    for plan in case.plans:
        blocks += _plan(case, plan)
    segments = _segments(case)
    blocks += [segments] if segments else []
    lead = text("compare.drivers.lead", **case.what())
    return Panel("drivers", text("compare.drivers.title"), _headline(case), lead, blocks)


def bridge(case: Case, plan: str, name: str, metric: str) -> pd.DataFrame:
    """Rows of one bridge of one plan."""
    frame = case.of(case.folder.driver_means, plan)
    return frame[(frame["bridge"] == name) & (frame["metric"] == metric)]


def driver(case: Case, name: str, bridge_name: str) -> str:
    """Word for a driver: keys stay as they are."""
    if name == TOTAL:
        return case.text("compare.drivers.total")
    if bridge_name == CONFIG:
        return name
    return case.text.name("drivers" if bridge_name == BUSINESS else "decisions", name)


def readable(key: str) -> str:
    """The end of a key as words, for a chart; keys are told in full in the tables."""
    return " ".join(key.split(".")[-2:]).replace("_", " ")


def largest(case: Case, plan: str, most: int = 2) -> list[tuple[str, float, str]]:
    """The business drivers of a plan that move most: name, mean, unit."""
    frame = case.of(case.folder.driver_means, plan)
    frame = frame[(frame["bridge"] == BUSINESS) & (frame["driver"] != TOTAL)]
    metrics = [known(m) for m in frame["metric"].unique()]
    if not metrics:
        return []
    metric = case.steer if case.steer in metrics else metrics[0]
    frame = frame[(frame["metric"] == metric) & (frame["mean"].abs() > 0)]
    frame = frame.reindex(frame["mean"].abs().sort_values(ascending=False, kind="stable").index)[:most]
    return [
        (driver(case, known(r["driver"]), BUSINESS), float(r["mean"]), known(r["unit"]))
        for r in frame.to_dict("records")
    ]


def told(case: Case, plan: str) -> str:
    """The largest drivers of a plan in one line, empty where nothing moves."""
    text = case.text
    parts = [text("compare.drivers.part", driver=n, value=case.signed(v, u)) for n, v, u in largest(case, plan)]
    return text("words.list").join(parts)


def _headline(case: Case) -> str:
    text = case.text
    lines = [
        text("compare.drivers.headline", plan=case.label(p), drivers=found)
        for p in case.plans
        if (found := told(case, p))
    ]
    return " ".join(lines) or text("compare.drivers.nothing")


def _plan(case: Case, plan: str) -> list[Block]:
    frame, charts, tables = case.of(case.folder.driver_means, plan), [], []
    for name in BRIDGES:
        metrics = [known(m) for m in frame.loc[frame["bridge"] == name, "metric"].unique()]
        moving = [m for m in metrics if bridge(case, plan, name, m)["mean"].abs().gt(0).any()]
        drawn = _drawn(case, name, moving)
        charts += [_waterfall(case, plan, name, m) for m in drawn]
        tables += [_table(case, plan, name, moving)] if moving else []
    return [*([Charts(charts)] if charts else []), *tables]


def _drawn(case: Case, name: str, metrics: list[str]) -> list[str]:
    """Metrics of a bridge that get a chart: of changed keys, only the one that plans are put in order by."""
    if name != CONFIG:
        return metrics
    return [case.steer] if case.steer in metrics else metrics[:1]


def verdict(low: float, high: float, mean: float) -> str:
    """Whether the interval of a driver excludes 0."""
    if low != low or high != high:
        return UNKNOWN if mean else ZERO
    if low == high == 0:
        return ZERO
    return SURE if low > 0 or high < 0 else UNSURE


def _rows(frame: pd.DataFrame) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Drivers that move at all, and their total."""
    parts = frame[(frame["driver"] != TOTAL) & frame["mean"].abs().gt(0)].to_dict("records")
    totals = frame[frame["driver"] == TOTAL].to_dict("records")
    sums = {
        "driver": TOTAL,
        "mean": sum(r["mean"] for r in parts),
        "ci_low": float("nan"),
        "ci_high": float("nan"),
        "unit": parts[0]["unit"] if parts else "",
    }
    return parts, totals[0] if totals else sums


def _waterfall(case: Case, plan: str, name: str, metric: str) -> Chart:
    text = case.text
    parts, total = _rows(bridge(case, plan, name, metric))
    unit = known(total["unit"])
    size, word = scale(case, [r[c] for r in (*parts, total) for c in ("mean", "ci_low", "ci_high")], unit)
    steps = [_bar(case, r, name, size) for r in parts]
    if len(steps) > MOST_STEPS:
        steps = _gathered(case, steps, size, unit)
    title = text("compare.drivers.chart", metric=case.say.metric(metric), plan=case.label(plan))
    figure = waterfall(steps, _bar(case, total, name, size), words(case.say, dates=False))
    chart = f"{case.business}-{name}-{plan}-{metric}"
    return Chart(chart, title, word, text(f"compare.drivers.{name}"), figure, height(len(steps) + 1))


def _bar(case: Case, row: dict[str, Any], name: str, size: float) -> Bar:
    low, high, mean = float(row["ci_low"]), float(row["ci_high"]), float(row["mean"])
    label = case.signed(mean, known(row["unit"]), bare=True)
    firm = verdict(low, high, mean) == SURE
    own = driver(case, known(row["driver"]), name)
    shown = readable(own) if name == CONFIG else own
    return Bar(shown, mean / size, low / size, high / size, label, firm=firm)


def _gathered(case: Case, steps: list[Bar], size: float, unit: str) -> list[Bar]:
    """The largest steps, and all smaller ones as one."""
    large = sorted(steps, key=lambda s: -abs(s.value))[: MOST_STEPS - 1]
    rest = sum(s.value for s in steps if s not in large)
    name = case.text("compare.drivers.rest", count=len(steps) - len(large))
    return [
        *(s for s in steps if s in large),
        Bar(name, rest, label=case.signed(rest * size, unit, bare=True), firm=False),
    ]


def _table(case: Case, plan: str, name: str, metrics: list[str]) -> Table:
    text, rows = case.text, []
    for metric in metrics:
        parts, total = _rows(bridge(case, plan, name, metric))
        rows += [_row(case, r, name, metric) for r in (*parts, total)]
    columns = ("driver", "mean", *(("alone", "last_in", "interaction") if name == CONFIG else ()))
    title = text("compare.drivers.table", bridge=text(f"compare.drivers.bridge_{name}"), plan=case.label(plan))
    note = text("compare.drivers.config_note") if name == CONFIG else ""
    head = [text(f"compare.drivers.{c}") for c in columns]
    return Table(head, rows, title=title, note=note, folded=name != CONFIG, dense=True)


def _row(case: Case, row: dict[str, Any], name: str, metric: str) -> list[Cell]:
    unit, mean = known(row["unit"]), float(row["mean"])
    low, high = float(row["ci_low"]), float(row["ci_high"])
    own = known(row["driver"])
    look = "code" if name == CONFIG and own != TOTAL else ""
    value = Cell(case.signed(mean, unit), case.bounds(low, high, unit), LOOKS[verdict(low, high, mean)])
    cells = [Cell(driver(case, own, name), case.say.metric(metric), look), value]
    if name == CONFIG:
        figures = [float(row.get(c, float("nan"))) for c in ("alone", "last_in", "interaction")]
        cells += [Cell(case.signed(v, unit, bare=True) if v == v else "") for v in figures]
    return cells


def _segments(case: Case) -> Table | None:
    """Business drivers by segment, mean over replications."""
    text, frame = case.text, case.of(case.folder.drivers)
    frame = frame[(frame["bridge"].astype(str) == BUSINESS) & frame["segment"].notna() & frame["value"].abs().gt(0)]
    if frame.empty:
        return None
    keys = ["scenario", "metric", "driver", "segment"]
    frame = frame.assign(**{k: frame[k].astype(str) for k in keys})
    sums = frame.groupby([*keys, "unit"], sort=False, observed=True)["value"].sum() / max(case.replications, 1)
    labels, rows = case.say.folder.labels("market.segments"), []
    for (plan, metric, own, segment, unit), value in sums.items():
        whose = text("compare.drivers.chart", metric=case.say.metric(metric), plan=case.label(plan))
        name = Cell(driver(case, own, BUSINESS), whose)
        rows.append([name, Cell(labels.get(segment, segment), look="left"), Cell(case.signed(float(value), str(unit)))])
    head = [text(f"compare.drivers.{c}") for c in ("driver", "segment", "mean")]
    return Table(head, rows, title=text("compare.drivers.segments"), numbers=2, folded=True, dense=True)
