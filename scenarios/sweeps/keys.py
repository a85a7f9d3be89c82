"""What is known of the keys of an experiment: their words, units, ranges and where these come from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scenarios.studies.resolve import follow
from scenarios.sweeps.points import aliases
from scenarios.sweeps.ranges import Linked, Range, Shares, Values
from scenarios.sweeps.tables import FIGURES, OWN

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.sweeps.experiment import Experiment

ASIDE = re.compile(r"\s*\([^()]*\)")
"""Remarks in brackets, which a word for a key leaves out."""

FROM_KEY, FROM_FILE = "key", "experiment"
"""Where a range comes from: the plausible range of the key itself, or the experiment."""

OWN_RANGE = ("range", "values")
"""Kinds that may have the range of the key itself; a share without one goes up to the whole, a link follows."""


@dataclass(frozen=True)
class Known:
    """A key of an experiment.

    Attributes
    ----------
    key, alias : str
    kind : {"values", "range", "linked", "share"}
    label : str
        The word for it in rules: what the experiment calls it, else the meaning with the key.
    low, high : float
        Of the range, the listed numbers or the share; NaN for words and links.
    log : bool
    values : str
        Listed values, or the expression of a link.
    range_from : {"key", "experiment"}
    base : number, text or switch
        In the study as it stands, of the first scenario.
    unit, origin, source, meaning : str
        Of the base, as ``inputs.csv`` has them.
    own_low, own_high : float or None
        Plausible range of the base.
    """

    key: str
    alias: str
    kind: str
    label: str
    low: float
    high: float
    log: bool
    values: str
    range_from: str
    base: Any
    unit: str
    origin: str
    source: str
    meaning: str
    own_low: float | None
    own_high: float | None


def keys_frame(experiment: Experiment) -> pd.DataFrame:
    """A row for every key of an experiment: the fields of ``Known``."""
    import pandas as pd

    return pd.DataFrame([asdict(known) for known in known_keys(experiment)])


def known_keys(experiment: Experiment) -> list[Known]:
    """The keys of an experiment in their order, shares last."""
    study = next(iter(experiment.studies.values()))
    inputs: Mapping[str, Mapping[str, Any]] = {row["key"]: dict(row) for row in study.inputs}
    names = aliases(experiment.columns, (*OWN, *FIGURES))
    found = []
    for key, kind, told in _domains(experiment):
        row, given = inputs.get(key, {}), _given(experiment, key)
        own: dict[str, Any] = {name: str(row.get(name, "")) for name in ("unit", "origin", "source", "meaning")}
        own |= {"own_low": row.get("low"), "own_high": row.get("high")}
        own["range_from"] = FROM_KEY if kind in OWN_RANGE and not {"low", "high"} & set(given) else FROM_FILE
        own["base"] = follow(study.config, tuple(key.split(".")))
        found.append(Known(key=key, alias=names[key], kind=kind, label=_label(key, row, given), **told, **own))
    return found


def _domains(experiment: Experiment) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for key, domain in experiment.keys.items():
        yield key, _kind(domain), _told(domain)
    for group in experiment.space.shares:
        for key, low, high in zip(group.keys, group.lows, group.highs, strict=True):
            yield key, "share", {"low": low, "high": high, "log": False, "values": f"share of {group.total:g}"}


def _kind(domain: Values | Range | Linked | Shares) -> str:
    return {Values: "values", Range: "range", Linked: "linked"}[type(domain)]  # type: ignore[index]


def _told(domain: Values | Range | Linked) -> dict[str, Any]:
    if isinstance(domain, Range):
        return {"low": domain.low, "high": domain.high, "log": domain.log, "values": ""}
    if isinstance(domain, Linked):
        return {"low": math.nan, "high": math.nan, "log": False, "values": domain.equals.text}
    numbers = [value for value in domain.values if isinstance(value, int | float) and not isinstance(value, bool)]
    whole = len(numbers) == len(domain.values)
    low, high = (min(numbers), max(numbers)) if whole else (math.nan, math.nan)
    return {"low": low, "high": high, "log": False, "values": ", ".join(map(str, domain.values))}


def _given(experiment: Experiment, key: str) -> Mapping[str, Any]:
    """What the experiment says of a key, empty where it says nothing."""
    groups = [group["keys"] for group in experiment.settings["shares"].values()]
    given = next((keys[key] for keys in (experiment.settings["keys"], *groups) if key in keys), None)
    if isinstance(given, Mapping):
        return given
    return {"low": None} if given else {}


def _label(key: str, row: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    if given.get("label"):
        return str(given["label"])
    meaning = ASIDE.sub("", str(row.get("meaning", ""))).strip()
    return f"{meaning} ({key})" if meaning else key
