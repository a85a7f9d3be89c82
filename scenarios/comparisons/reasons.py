"""Why plans differ: by changed key, by driver of the business, by account; and which accounts end differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.comparisons.difference import Change, between, changes, players, rows
from scenarios.comparisons.folder import PARTS
from scenarios.comparisons.pairs import Pairs, horizon_values, metrics_of, run_quietly, tell
from scenarios.runs.pool import pool_of

if TYPE_CHECKING:
    import pandas as pd

    from analysis.tables import Tables
    from scenarios.studies.study import Study

READ = ("accounts", "opportunities", "subscriptions", "events", "decisions", "monthly", "ledger", "staffing")

Groups = dict[str, tuple[Change, ...]]


@dataclass
class Why:
    """One plan against the base.

    Attributes
    ----------
    pairs : Pairs
        The replications.
    scenario : str
        The plan.
    metrics : dict of DataFrame
        Metrics tables by scenario.
    """

    pairs: Pairs
    scenario: str
    metrics: Mapping[str, pd.DataFrame]

    @property
    def base(self) -> Study:
        """Study of the base."""
        return self.pairs.plans.studies[self.pairs.plans.base]

    @property
    def plan(self) -> Study:
        """Study of the plan."""
        return self.pairs.plans.studies[self.scenario]

    @property
    def numbers(self) -> list[int]:
        """Replications that both have."""
        sides = (self.metrics[self.pairs.plans.base], self.metrics[self.scenario])
        return sorted(set.intersection(*(set(side["replication"].unique().tolist()) for side in sides)))

    def tables(self) -> Iterator[tuple[int, Tables, Tables]]:
        """Replication by replication: its number, the tables of the base and those of the plan."""
        for number in self.numbers:
            yield number, self._side(self.pairs.plans.base, number), self._side(self.scenario, number)

    def _side(self, scenario: str, number: int) -> Tables:
        from analysis.tables import Tables
        from scenarios.runs.store import read_part

        return Tables({name: read_part(self.pairs.path(scenario), name, number) for name in READ})


def reasons(pairs: Pairs, metrics: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables ``config``, ``drivers`` (by replication), ``summary`` (of the drivers) and ``flips`` of one business."""
    import pandas as pd

    from analysis.compare.drivers import summarise

    settings = pairs.plans.settings
    found: dict[str, list[pd.DataFrame]] = {"config": [], "drivers": [], "flips": []}
    details: list[pd.DataFrame] = []
    for scenario in pairs.plans.others:
        why = Why(pairs, scenario, metrics)
        groups = players(why.base, changes(why.base, why.plan), int(settings["players"]))
        found["config"].append(pd.DataFrame(rows(why.base, why.plan, groups)).assign(scenario=scenario))
        if settings["drivers"]:
            tell(why.base, f"{pairs.plans.business}: what makes the difference of {scenario}")
            parts, more = by_key(why, groups)
            found["drivers"] += [parts.assign(scenario=scenario), by_business(why).assign(scenario=scenario)]
            details.append(more.assign(scenario=scenario))
        if settings["flips"]:
            flips, bridge = by_account(why)
            found["flips"].append(flips.assign(scenario=scenario))
            found["drivers"] += [bridge.assign(scenario=scenario)] if settings["drivers"] else []
    tables = {name: _first(pd.concat(parts, ignore_index=True)) for name, parts in found.items() if parts}
    if "drivers" in tables:
        extras = pd.concat(details, ignore_index=True).assign(business=pairs.plans.business)
        named = tables["drivers"].assign(business=pairs.plans.business)
        tables["summary"] = summarise(named, settings["level"], extras).drop(columns="business")
    return tables


def _first(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the name of the plan in front."""
    frame.insert(0, "scenario", frame.pop("scenario"))
    return frame


def by_key(why: Why, groups: Groups) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shapley values of the changed keys, by replication; and what each does alone, last, and beside the others."""
    import pandas as pd

    from analysis.compare.shapley import attribute, subsets

    names, metrics = tuple(groups), list(why.pairs.plans.primary)
    units = _units(why.metrics[why.pairs.plans.base])
    if not names:
        nothing = [_long(metric, "total", np.zeros(len(why.numbers)), why, units) for metric in metrics]
        return pd.concat(nothing).query("driver != 'total'"), _detail(metrics, {}, {}, np.zeros(len(metrics)))
    values = {subset: _values(why, groups, subset, metrics) for subset in subsets(names)}
    found = attribute(names, values)
    parts = [
        _long(metric, name, found.shares[player][:, place], why, units)
        for place, metric in enumerate(metrics)
        for player, name in enumerate(names)
    ]
    alone, last = ({n: _mean(v) for n, v in side.items()} for side in (found.alone, found.last_in))
    return pd.concat(parts, ignore_index=True), _detail(metrics, alone, last, _mean(found.interaction))


def _mean(values: Any) -> np.ndarray | None:
    return None if values is None else np.asarray(np.nanmean(values, axis=0))


def _long(metric: str, driver: str, values: np.ndarray, why: Why, units: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    fixed = {"bridge": "config", "metric": metric, "driver": driver, "segment": None, "unit": units.get(metric, "")}
    return pd.DataFrame({**fixed, "replication": np.array(why.numbers, np.int32), "value": values})


def _detail(metrics: list[str], alone: Any, last: Any, interaction: Any) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for place, metric in enumerate(metrics):
        for name in alone:
            row = {"bridge": "config", "metric": metric, "driver": name, "alone": alone[name][place]}
            rows.append({**row, "last_in": None if last[name] is None else last[name][place], "interaction": None})
        total = {"bridge": "config", "metric": metric, "driver": "total", "alone": None, "last_in": None}
        rows.append({**total, "interaction": None if interaction is None else interaction[place]})
    columns = ["bridge", "metric", "driver", "alone", "last_in", "interaction"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[3:], float))


def _units(metrics: pd.DataFrame) -> dict[str, str]:
    firsts = metrics.drop_duplicates("metric")
    return dict(zip(firsts["metric"].astype(str), firsts["unit"].astype(str), strict=True))


def _values(why: Why, groups: Groups, subset: frozenset[str], metrics: list[str]) -> np.ndarray:
    """Metrics over the horizon under some of the changes, shape (replications, metrics)."""
    pairs = why.pairs
    study = between(why.base, groups, subset)
    there = {each.digest: name for name, each in reversed(list(pairs.plans.studies.items()))}
    if study.digest in there:
        frame = why.metrics[there[study.digest]]
    else:
        folder = pairs.folder / PARTS / study.digest[:12]
        tell(study, f"{pairs.plans.business}: {why.scenario} with only {', '.join(sorted(subset)) or 'nothing'}")
        run_quietly(study, folder, pairs.total, (), pairs.simulate)
        frame = metrics_of(folder, pairs.total)
    kept = frame[frame["replication"].isin(why.numbers)]
    return np.stack([horizon_values(kept, metric) for metric in metrics], axis=1)


def by_business(why: Why) -> pd.DataFrame:
    """The business bridge, by replication."""
    import pandas as pd

    from analysis.compare.drivers import business_bridge
    from scenarios.runs.replicate import metrics_context

    contexts = [metrics_context(study.config) for study in (why.base, why.plan)]
    parts = [business_bridge(base, plan, *contexts) for _, base, plan in why.tables()]
    return pd.concat(parts, ignore_index=True).assign(bridge="business", unit=contexts[0].currency)


def by_account(why: Why) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flipped accounts with the terms that turned them, and the account bridge by replication."""
    import pandas as pd

    from analysis.compare.accounts import TIMING_ONLY, account_bridge
    from analysis.compare.flips import flips, watched
    from analysis.compare.terms import with_terms
    from scenarios.comparisons.explain import course, explain

    ways = course(why.base, why.plan)
    found, parts = [], []
    for _, base, plan in why.tables():
        found.append(flips(base, plan, ways))
        parts.append(account_bridge(base, plan, ways))
    turned, bridge = pd.concat(found, ignore_index=True), pd.concat(parts, ignore_index=True)
    unmoved = sorted(set(why.numbers) - set(bridge["replication"]))
    nothing = {"metric": "revenue", "driver": TIMING_ONLY, "segment": None, "replication": unmoved, "value": 0.0}
    bridge = pd.concat([bridge, pd.DataFrame(nothing)], ignore_index=True)
    pool, asked = pool_of(why.base.config), watched(turned)
    before, after = (explain(study, asked, pool) for study in (why.base, why.plan))
    unit = why.base.config["business"].get("currency", "CNY")
    return with_terms(turned, before, after, ways), bridge.assign(bridge="account", unit=unit)
