"""The levers of a study: every number and switch of the policy, and the strength of every effect."""

from __future__ import annotations

from typing import Any

from scenarios.studies.provenance import rows
from scenarios.studies.resolve import follow
from scenarios.studies.study import Study

COLUMNS = ("key", "unit", "low", "high", "default", "meaning", "evidence")


def levers(study: Study) -> list[dict[str, Any]]:
    """The table of levers.

    Parameters
    ----------
    study : Study
        Levers have the values of this study as their defaults.

    Returns
    -------
    list of dict
        ``key`` (what to write before ``=``), ``unit``, ``low`` and ``high`` (the plausible range, null where
        none is stated), ``default``, ``meaning``, ``evidence`` (source, document reference or assumption).
    """
    found = []
    for row in rows(study):
        path = tuple(row["key"].split("."))
        strength = path[0] == "effects" and path[-1] == "strength"
        if strength or (path[0] == "policy" and path[1] != "changes"):
            lever = {name: row.get(name) for name in COLUMNS}
            found.append({**lever, "default": row["value"], "evidence": _evidence(study, path) or row["source"]})
    return found


def _evidence(study: Study, path: tuple[str, ...]) -> str:
    """Evidence of an effect as its own key states it; empty for other levers."""
    if path[0] != "effects":
        return ""
    return ", ".join(map(str, follow(study.config, path[:-1])["evidence"]))
