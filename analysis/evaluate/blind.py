"""The blind spot of every forecast: a change of policy that the past has not seen, on worlds with and without it.

Both worlds are simulated with the same random numbers: until the date they are one and the same, afterwards they
differ by what the change does to each account. A forecaster that knows only what was before has to be right about
the world without the change and wrong, by exactly the effect of the change, about the world with it. What knowledge
of the date can save is shown by forecasts that have it as a regressor.

The paired design is that of common random numbers; see Glasserman & Yao (1992), Some guidelines and guarantees for
common random numbers, Management Science 38.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.evaluate.backtest import LEAST_CLUSTERS, bounds, resamples
from analysis.evaluate.skill import LEVEL, Losses, losses
from analysis.evaluate.truth import Trial, truth_table
from analysis.forecast.run import Mapper
from analysis.replications import cautious

if TYPE_CHECKING:
    import pandas as pd

TWIN, CHANGED, WITHOUT, REGRESSOR = "twin", "changed", "without", "regressor"

COLUMNS = (
    "metric", "part", "cutoff", "covered80", "covered95", "bias", "low", "high",
    "effect", "effect_low", "effect_high", "recovered", "recovered_low", "recovered_high", "replications",
    "failed", "reason",
)  # fmt: skip

KEY = ["unique_id", "replication", "ds"]


@dataclass(frozen=True, eq=False)
class Worlds:
    """The same replications with and without a change, as long tables that ``judge`` takes.

    Attributes
    ----------
    changed, twin : pandas.DataFrame
        Columns unique_id, replication, ds, y and optionally floor.
    """

    changed: pd.DataFrame
    twin: pd.DataFrame

    def beside(self) -> pd.DataFrame:
        """Both values of every month: unique_id, replication, ds, y (changed), twin, effect (their difference)."""
        both = self.changed[[*KEY, "y"]].merge(self.twin[[*KEY, "y"]].rename(columns={"y": "twin"}), on=KEY)
        return both.assign(effect=both["y"] - both["twin"])


def blind(worlds: Worlds, before: Trial, aware: Trial | None = None, mapper: Mapper = map) -> dict[str, pd.DataFrame]:
    """Forecasts of before a change, against the world without it and the world with it, and with its date known.

    Parameters
    ----------
    worlds : Worlds
        With the same series and replications on both sides.
    before : Trial
        Its cutoff is the last month before the change; its model is judged.
    aware : Trial, optional
        The same model with the change as a regressor. Its cutoff is that of ``before`` if the history holds an earlier
        change of the same kind, from which the effect can be learned; otherwise it lies some months after the date.
    mapper : callable
        Spreads the work.

    Returns
    -------
    dict of pandas.DataFrame
        ``truth_blind``: a row for every metric and part. Parts: ``twin`` and ``changed`` (the same forecasts against
        both worlds), ``without`` (cutoff of ``aware``, no regressor; left out where it is the cutoff of ``before``)
        and ``regressor``, both against the changed world. covered80 and covered95 where these levels are forecast;
        bias, the mean of what came less the forecast, with low and high; effect, the mean difference of the two
        worlds over the same months, with its interval; recovered, for the part ``regressor`` alone, the share of the
        effect by which knowing the date moves the forecast (0: not at all, 1: by the whole effect, below 0: away),
        NaN where the interval of the effect includes 0; failed, replications without a forecast, and reason, why the
        first of them has none.
        ``truth_effect``: metric, step, ds, effect, low, high: the mean effect of each month after the date.

    Raises
    ------
    ValueError
        If the worlds differ before the cutoff of ``before``: then something else than the change tells them apart.
    """
    both = worlds.beside()
    known, _ = before.window(worlds.changed)
    _check_same(both, known[-1])
    parts, failures = _parts(worlds, before, aware, mapper)
    return {"truth_blind": _summary(parts, failures, both), "truth_effect": _effects(parts[CHANGED], both)}


def _check_same(both: pd.DataFrame, cutoff: pd.Timestamp) -> None:
    early = both[(both["ds"] <= cutoff) & both["effect"].notna()]
    differing = early[early["effect"].abs() > 1e-9 * early["twin"].abs().clip(lower=1.0)]
    if len(differing):
        first = differing.iloc[0]
        raise ValueError(
            f"{first['unique_id']} of replication {first['replication']} differs between the two worlds on "
            f"{first['ds']:%Y-%m-%d}, before the change: they are no twins"
        )


Parts = dict[str, "pd.DataFrame"]
"""A table for every part."""


def _parts(worlds: Worlds, before: Trial, aware: Trial | None, mapper: Mapper) -> tuple[Parts, Parts]:
    """Forecasts beside what came, and what could not be forecast, by part."""
    found = {TWIN: _judged(worlds.twin, before, mapper)}
    found[CHANGED] = _against(found[TWIN][0], worlds.changed), found[TWIN][1]
    if aware is not None:
        if aware.window(worlds.changed)[0] != before.window(worlds.changed)[0]:
            plain = replace(aware, setup=replace(aware.setup, regressors=None))
            found[WITHOUT] = _judged(worlds.changed, plain, mapper)
        found[REGRESSOR] = _judged(worlds.changed, aware, mapper)
    return {part: tables[0] for part, tables in found.items()}, {part: tables[1] for part, tables in found.items()}


def _judged(series: pd.DataFrame, trial: Trial, mapper: Mapper) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts of the judged model, and what it could not forecast."""
    table, failures = truth_table(series, replace(trial, models=(), train=()), mapper)
    model = trial.setup.model
    return table[table["model"] == model], failures[failures["model"] == model]


def _against(table: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    """The same forecasts beside what came in another world."""
    return table.drop(columns="y").merge(series[[*KEY, "y"]], on=KEY, how="left")


def _summary(parts: Parts, failures: Parts, both: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for metric in dict.fromkeys([*parts[TWIN]["unique_id"], *failures[TWIN]["unique_id"]]):
        own, missed = ({p: t[t["unique_id"] == metric] for p, t in tables.items()} for tables in (parts, failures))
        effects = both[both["unique_id"] == metric]
        rows += [_row(str(metric), part, own, effects) | _missed(missed[part]) for part in own]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _missed(failures: pd.DataFrame) -> dict[str, object]:
    """How many replications of a series have no forecast, and why the first has none."""
    reason = failures["reason"].iloc[0] if len(failures) else ""
    return {"failed": failures["replication"].nunique(), "reason": reason}


def _row(metric: str, part: str, own: dict[str, pd.DataFrame], both: pd.DataFrame) -> dict[str, object]:
    table = own[part].merge(both[[*KEY, "effect"]], on=KEY, how="left")
    bias, effect = cautious(_means(table, _errors)), cautious(_means(table, _effect))
    row: dict[str, object] = {"metric": metric, "part": part, "cutoff": _cutoff(table, both)}
    row |= {f"covered{level}": _coverage(table, level) for level in (80, 95)}
    row |= {"bias": bias.mean, "low": bias.low, "high": bias.high}
    row |= {"effect": effect.mean, "effect_low": effect.low, "effect_high": effect.high, "replications": bias.n}
    if part == REGRESSOR and (effect.low > 0 or effect.high < 0):
        row |= _recovered(own.get(WITHOUT, own[CHANGED]), table)
    return row


def _cutoff(table: pd.DataFrame, both: pd.DataFrame) -> object:
    earlier = both.loc[both["ds"] < table["ds"].min(), "ds"]
    return earlier.max()


def _errors(table: pd.DataFrame) -> pd.Series:
    return table["y"] - table["mean"]


def _effect(table: pd.DataFrame) -> pd.Series:
    return table["effect"].where(table["y"].notna())


def _means(table: pd.DataFrame, value: Callable[[pd.DataFrame], pd.Series]) -> np.ndarray:
    """Mean of a value over the steps of each replication, shape (replications,)."""
    return np.asarray(value(table).groupby(table["replication"]).mean(), float)


def _coverage(table: pd.DataFrame, level: int) -> float:
    if f"lo-{level}" not in table.columns:
        return float("nan")
    inside = (table[f"lo-{level}"] <= table["y"]) & (table["y"] <= table[f"hi-{level}"])
    return float(inside[table["y"].notna()].mean())


def _recovered(without: pd.DataFrame, aware: pd.DataFrame) -> dict[str, float]:
    """Forecast with the regressor less that without, as a share of the effect; resampled by replication."""
    plain = without.set_index(KEY)["mean"]
    gained = aware.set_index(KEY)["mean"] - plain.reindex(aware.set_index(KEY).index)
    frame = aware.assign(gained=gained.to_numpy(float))
    above, below = losses(frame, "gained"), losses(frame, "effect")
    low = high = float("nan")
    if above.replications >= LEAST_CLUSTERS:
        low, high = bounds(_shares(above, below), LEVEL)
    return {"recovered": above.mean / below.mean, "recovered_low": low, "recovered_high": high}


def _shares(above: Losses, below: Losses) -> np.ndarray:
    draws = resamples(len(above.values))
    with np.errstate(all="ignore"):
        return np.asarray(above.drawn(draws) / below.drawn(draws))


def _effects(changed: pd.DataFrame, both: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    scored = changed[[*KEY, "step"]].merge(both, on=KEY)
    rows = []
    for (metric, step, date), part in scored.groupby(["unique_id", "step", "ds"], sort=False):
        found = cautious(part["effect"].to_numpy(float))
        row = {"metric": metric, "step": step, "ds": date, "effect": found.mean}
        rows.append(row | {"low": found.low, "high": found.high})
    table = pd.DataFrame(rows, columns=["metric", "step", "ds", "effect", "low", "high"])
    return table.sort_values(["metric", "step"], kind="stable", ignore_index=True)
