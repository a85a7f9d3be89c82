"""How every metric answers to each key: points with intervals, and the means of points along the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.report.blocks import Block, Chart, Charts, Panel
from analysis.report.scaling import scaled
from analysis.report.sweeps.charts import MOST_BARS, Axis, Cloud, response
from analysis.report.sweeps.view import ONE_AT_A_TIME, View

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS, BINS = 12, 10
"""Values of a key that are told one by one; of more, groups of equally many neighbouring points are averaged."""

MOST_POINTS, MOST_ANSWERS = 400, 4
"""Points of a scenario that a chart shows, evenly picked; metrics that have charts."""


def answers(view: View) -> list[Panel]:
    """A panel for each of the first metrics; none where points move one key at a time from a base."""
    if view.sampler == ONE_AT_A_TIME or not view.folder.free:
        return []
    return [_answer(view, place, metric) for place, metric in enumerate(view.metrics[:MOST_ANSWERS])]


def _answer(view: View, place: int, metric: str) -> Panel:
    text = view.text
    charts = [_chart(view, f"answer-{place}-{n}", metric, key) for n, key in enumerate(view.drawn)]
    blocks: list[Block] = [Charts(charts, wide=len(charts) == 1)]
    lead = text("sweeps.answers.lead")
    return Panel(f"answer-{place}", view.say.metric(metric), headline(view, metric), lead, blocks)


def headline(view: View, metric: str) -> str:
    """The key along which the means of points differ most, in the first scenario."""
    found = {key: along(points_of(view, metric, key, view.scenarios[0])) for key in view.drawn}
    spans = {key: float(line.max() - line.min()) for key, line in found.items() if len(line) > 1}
    name = view.say.metric(metric)
    if not spans or max(spans.values()) <= 0:
        return view.text("sweeps.answers.same", metric=name)
    key = max(spans, key=lambda each: spans[each])
    line, unit = found[key], view.unit(metric)
    ends = {"low": view.say.value(line.min(), unit), "high": view.say.value(line.max(), unit)}
    at = {"low_at": _near(view, key, line.idxmin()), "high_at": _near(view, key, line.idxmax())}
    told = view.text("sweeps.answers.headline", metric=name, lever=view.key(key), **ends, **at)
    return view.told(told, view.scenarios[0])


def _near(view: View, key: str, value: Any) -> str:
    """A value of a key, one that is a mean of several points to three digits."""
    own = view.folder.points[key]
    return view.setting(key, value if (own == value).any() else float(f"{value:.3g}"))


def points_of(view: View, metric: str, key: str, scenario: str) -> pd.DataFrame:
    """Points of a scenario as x (value of the key, its words where it holds words), y, low, high, point."""
    rows = view.of(metric, scenario).merge(view.folder.points[["number", key]], on="number")
    renamed = rows.rename(columns={key: "x", "mean": "y", "ci_low": "low", "ci_high": "high"})
    return renamed[["number", "x", "y", "low", "high"]].dropna(subset=["x", "y"])


def along(points: pd.DataFrame) -> pd.Series:
    """Means of the points by value of the key, or by groups of equally many neighbours where it has many values."""
    if points["x"].nunique() <= MOST_LEVELS or points["x"].dtype == object:
        return points.groupby("x", sort=True)["y"].mean()
    ordered = points.sort_values("x", kind="stable")
    group = np.arange(len(ordered)) * BINS // len(ordered)
    means = ordered[["x", "y"]].groupby(group).mean()
    return means.set_index("x")["y"]


def axis(view: View, key: str) -> Axis:
    """The axis of a key."""
    values, unit = view.folder.points[key].dropna(), view.text.unit(view.key_unit(key))
    title = view.text("format.with_unit", value=f"{view.key(key)},", unit=unit) if unit else view.key(key)
    given = (view.folder.experiment.get("keys") or {}).get(key)
    log = bool(isinstance(given, dict) and given.get("log"))
    if is_words(values):
        return Axis(title, order=tuple(view.setting(key, v) for v in sorted(set(values))))
    return Axis(title, log=log)


def is_words(values: pd.Series) -> bool:
    """Whether a key holds words or switches, not numbers."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_bool_dtype(values) or not is_numeric_dtype(values)


def _chart(view: View, name: str, metric: str, key: str) -> Chart:
    text, unit = view.text, view.unit(metric)
    found = {s: points_of(view, metric, key, s) for s in view.scenarios}
    found = {s: points for s, points in found.items() if len(points)}
    whole = [points[["y", "low", "high"]] for points in found.values()]
    size, shown = _scale(view, whole, unit)
    clouds = [_cloud(view, key, scenario, points, size) for scenario, points in found.items()]
    names = (text("sweeps.answers.points"), text("sweeps.answers.means"))
    figure = response(clouds, axis(view, key), view.words(*names, unit=unit))
    title = text("sweeps.answers.chart", metric=view.say.metric(metric), lever=view.key(key))
    return Chart(name, title, shown, _note(view, found), figure, 300)


def _scale(view: View, frames: list[pd.DataFrame], unit: str) -> tuple[float, str]:
    """What values are multiplied by, and the word for that."""
    import pandas as pd

    largest = pd.DataFrame({"y": [max((float(f["y"].abs().max()) for f in frames), default=1.0) or 1.0]})
    made, word = scaled(view.say, largest, unit)
    return float(made["y"].iloc[0] / largest["y"].iloc[0]), word


def _cloud(view: View, key: str, scenario: str, points: pd.DataFrame, size: float) -> Cloud:
    line = along(points) * size
    step = max(1, -(-len(points) // MOST_POINTS))
    shown = points.iloc[::step]
    told = shown["x"].map(lambda v: view.setting(key, v)) if is_words(points["x"]) else shown["x"]
    frame = shown.assign(x=told, **{c: shown[c] * size for c in ("y", "low", "high")})
    frame = frame.assign(name=[view.text("sweeps.result.point", point=int(p)) for p in shown["number"]])
    if is_words(points["x"]):
        line = line.set_axis([view.setting(key, v) for v in line.index])
    return Cloud(view.scenario(scenario), view.colour(scenario), frame, line)


def _note(view: View, found: dict[str, pd.DataFrame]) -> str:
    """How to read the chart: whether intervals are drawn, and whether points are left out."""
    text, total = view.text, sum(map(len, found.values()))
    most = max(map(len, found.values()), default=0)
    parts = [text("sweeps.answers.with_bars" if total <= MOST_BARS else "sweeps.answers.no_bars")]
    if most > MOST_POINTS:
        step = -(-most // MOST_POINTS)
        parts.append(text("sweeps.answers.thinned", step=text.count(step)))
    return " ".join(parts)
