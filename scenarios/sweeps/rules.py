"""Rules of failure in business words: where a metric is below or above a threshold, by ``analysis.discovery``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scenarios.sweeps.keys import Known, known_keys
from scenarios.sweeps.ranges import Linked

if TYPE_CHECKING:
    import pandas as pd

    from analysis.boxes import Box, Discovery, Limit
    from scenarios.sweeps.experiment import Experiment

COLUMNS = (
    "metric", "period", "box", "key", "low", "high", "values", "coverage", "density", "mass", "points", "base", "p",
    "quasi_p", "rule", "note",
)  # fmt: skip
"""One row for every limit of a box. Box 0 is the whole space: its density is the share of all runs that fail, its note
says why there are no more boxes."""


def rules(experiment: Experiment, points: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Where the discovery of an experiment finds that a metric fails.

    Parameters
    ----------
    experiment : Experiment
        With a discovery.
    points : DataFrame
        ``number`` and a column per key, of one scenario; they fill the space.
    results : DataFrame
        ``number``, ``replication``, ``metric``, ``value`` of the metric in the period.

    Returns
    -------
    DataFrame
        ``COLUMNS``; boxes of less coverage or density than asked for are left out, which the note of box 0 tells.
    """
    import pandas as pd

    from analysis.discovery import discover, failures

    sought = experiment.discovery
    assert sought is not None
    known = {each.key: each for each in known_keys(experiment)}
    keys = [key for key in experiment.columns if not isinstance(experiment.keys.get(key), Linked)]
    try:
        failed = failures(results, sought["metric"], below=sought["below"], above=sought["above"])
    except ValueError as error:
        return pd.DataFrame([_everywhere(sought, math.nan, len(points), f"no rule: {error}")], columns=list(COLUMNS))
    found = discover(points, failed, keys)
    told = [box for box in found.boxes if box.coverage >= sought["coverage"] and box.density >= sought["density"]]
    rate = found.failures / found.points if found.points else math.nan
    rows = [_everywhere(sought, rate, found.points, _note(found, len(found.boxes) - len(told)))]
    for number, box in enumerate(told):
        text = sentence(box, sought, known)
        rows += [_row(number + 1, box, limit, text, sought) for limit in box.limits]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _everywhere(sought: Mapping[str, Any], rate: float, points: int, note: str) -> dict[str, Any]:
    open_ = {"box": 0, "key": "", "low": math.nan, "high": math.nan, "values": "", "quasi_p": math.nan, "p": math.nan}
    whole = {"coverage": 1.0, "density": rate, "mass": 1.0, "points": points, "base": rate, "note": note}
    share = "is not known" if math.isnan(rate) else f"in {_percent(rate)} of all runs"
    named = {"metric": sought["metric"], "period": sought["period"]}
    return {**named, **open_, **whole, "rule": f"{failing(sought)} {share}"}


def _row(number: int, box: Box, limit: Limit, text: str, sought: Mapping[str, Any]) -> dict[str, Any]:
    low, high = (math.nan if math.isinf(end) else end for end in (limit.low, limit.high))
    shares = {name: getattr(box, name) for name in ("coverage", "density", "mass", "points", "base", "p")}
    own = {"box": number, "key": limit.key, "low": low, "high": high, "values": ", ".join(limit.values)}
    named = {"metric": sought["metric"], "period": sought["period"]}
    return {**named, **own, **shares, "quasi_p": limit.quasi_p, "rule": text, "note": ""}


def _note(found: Discovery, left_out: int) -> str:
    few = f"; {left_out} found, but of less coverage or density than asked for" if left_out else ""
    return f"no further rule: {found.stopped}{few}"


def sentence(box: Box, sought: Mapping[str, Any], known: Mapping[str, Known]) -> str:
    """A box in words, with what fails in it and how much of all failures it holds."""
    limits = " and ".join(limit_words(limit, known[limit.key]) for limit in box.limits)
    inside, share = _percent(box.density), _percent(box.coverage)
    return f"{limits}: {failing(sought)} in {inside} of such runs; these are {share} of all failures"


def limit_words(limit: Limit, known: Known) -> str:
    """A limit with the word and the unit of its key; the values themselves lie within it, not on it."""
    if limit.values:
        return f"{known.label} is {' or '.join(limit.values)}"
    unit = "" if known.unit in ("", "1") else f" {known.unit}"
    if math.isinf(limit.high):
        return f"{known.label} above {_number(limit.low)}{unit}"
    if math.isinf(limit.low):
        return f"{known.label} below {_number(limit.high)}{unit}"
    return f"{known.label} between {_number(limit.low)} and {_number(limit.high)}{unit}"


def failing(sought: Mapping[str, Any]) -> str:
    """What fails: ``lowest cash (cash_min) below 0``."""
    from analysis.report.strings import catalogue

    side = "below" if sought["below"] is not None else "above"
    name = catalogue("en").name("metrics", sought["metric"]).lower()
    when = "" if sought["period"] == "horizon" else f" in {sought['period']}"
    return f"{name} ({sought['metric']}) {side} {_number(sought[side])}{when}"


def first_rows(found: pd.DataFrame) -> Sequence[Mapping[str, Any]]:
    """One row for every box of a table of rules."""
    rows: Sequence[Mapping[str, Any]] = found.drop_duplicates(["scenario", "box"]).to_dict("records")
    return rows


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _number(value: float) -> str:
    """With separators of thousands, and as many digits as it has."""
    return f"{value:,.10g}"
