"""What ``tobsim optimise`` prints: the best plan as confirmed, the plan as it stands, and how sure that is."""

from __future__ import annotations

import math
from typing import Any

from scenarios.cards import figure
from scenarios.optimise.folder import VERB, Optimum
from scenarios.optimise.judge import DONE
from scenarios.optimise.settings import BUDGET, SAMPLERS
from scenarios.usage import VERBS

MARKS = "* best, = not to be told from it, ! breaks a constraint or has no value"
"""What stands before a plan."""


def optimise_help(config_dir: str | None) -> str:
    """Experiments, keys and flags of ``tobsim optimise``."""
    from scenarios.arguments import FLAGS, OF_EXPERIMENTS
    from scenarios.sweeps.experiment import named

    names = [f"  {name}" for name in named(VERB, config_dir)]
    keys = [
        "  experiment.budget.trials=120    plans that are tried; "
        f"{BUDGET['trials']} unless the file says otherwise; more go on where the others ended",
        f"  experiment.sampler={'|'.join(SAMPLERS)}",
        "  out=DIR                         folder; the same command goes on where it stopped",
        "  execution.workers=2             processes; the result does not depend on it",
    ]
    flags = [f"  {' '.join((flag, FLAGS[flag][0])).strip():20} {FLAGS[flag][1]}" for flag in OF_EXPERIMENTS]
    call, what = VERBS.get(VERB, (VERB, ""))
    return "\n".join([f"tobsim {call}", what, "Experiments", *names, "Keys", *keys, "Flags", *flags])


def optimise_screen(found: Optimum, most: int = 8) -> str:
    """The confirmed plans, best first, each with its objectives searched and confirmed."""
    record, table = found.record, found.confirmed
    failed = f", {len(record['failures'])} runs failed" if record["failures"] else ""
    lines = [f"{record['trials']} trials, {record['replications']} runs{failed} in {found.path}"]
    lines += _headline(record, table)
    rows = table[table["kind"] == "objective"].sort_values(["best", "near", "feasible"], ascending=False, kind="stable")
    lines += [_line(record, row) for row in rows.head(most * len(record["objectives"])).to_dict("records")]
    return "\n".join([*lines, MARKS, str(found.path / "confirmed.csv")])


def _headline(record: dict[str, Any], table: Any) -> list[str]:
    objectives = table[table["kind"] == "objective"]
    best = objectives[objectives["best"]]
    if not (objectives["status"] == DONE).any():
        return ["no plan has a value of every objective on fresh seeds"]
    if best.empty:
        return ["no plan keeps all constraints on fresh seeds"]
    if len(record["objectives"]) > 1:
        plans = best.drop_duplicates(["role", "trial"])
        return [f"{len(plans)} plans that no other one beats on fresh seeds:"]
    row, current = best.iloc[0], objectives[objectives["role"] == "current"].iloc[0]
    if row["role"] == "current":
        return ["no plan that was tried beats the plan as it stands on fresh seeds"]
    near = ", which cannot be told from the plan as it stands" if current["near"] else ""
    return [f"best on fresh seeds: trial {row['trial']:g}{near}"]


def _line(record: dict[str, Any], row: dict[str, Any]) -> str:
    keys = ", ".join(f"{alias} {_short(row[alias])}" for alias in record["keys"].values())
    name = "as it stands" if row["role"] == "current" else f"trial {row['trial']:g}"
    mark = "*" if row["best"] else "=" if row["near"] else "!" if not row["feasible"] else " "
    interval = f"{_short(row['confirmed_low'])} to {_short(row['confirmed_high'])}"
    figures = f"{row['metric']} {_short(row['confirmed'])} ({interval}) {row['unit']}"
    return f"{mark} {name}: {keys}: {figures}, searched {_short(row['searched'])}"


def _short(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return "unknown" if math.isnan(value) else figure(value, 5)
