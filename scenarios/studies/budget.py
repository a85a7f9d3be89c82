"""What a study will take, predicted from its size alone, for the guard that refuses it before it begins.

The figures per company, per day and per replication were read off the shipped businesses (log rows, engine steps and
peak memory of runs of 100 to 300,000 companies) and rounded up: a guard, not a forecast.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EVENTS_PER_ACCOUNT = 40
"""Events of one account in three years; measured: 7 to 16."""

EVENTS_PER_LATER_YEAR = 5.0
"""Events of one account in every year after the third; measured: 1 to 2."""

EVENTS_PER_DAY = 3.0
"""Events of one day, however few accounts there are: marketing, billing, month ends; measured: 2.2."""

LIMITS = {"memory": 2048.0, "runs": 100_000}
"""Limits (MiB, runs) of a study that names none of its own."""

YEAR_DAYS, FIRST_YEARS = 365.25, 3.0

MEBIBYTE = 2**20
BASE_MIB = 250.0
"""Of a process with all tables and the report loaded; measured: 225."""

WORKER_MIB = 100.0
"""Of a further process, before it simulates; measured: 60."""

SIMULATED_BYTES = 1400.0
"""Of one account while its replication is simulated; measured, with what is kept: 1,400 to 2,900."""

KEPT_BYTES = 700.0
"""Of one account and replication until the report is made; measured: 600 to 900."""


@dataclass(frozen=True)
class Size:
    """What a study, or several together, will take.

    Attributes
    ----------
    events : float
        Events of all replications.
    memory : float
        MiB of all processes together, at their largest.
    runs : int
        Replications of all plans.
    """

    events: float
    memory: float
    runs: int


def size(config: Mapping[str, Any], accounts: int) -> Size:
    """The predicted size of the run of one study.

    Parameters
    ----------
    config : mapping
        Resolved.
    accounts : int
        Companies; with first contacts from a file its number of rows.
    """
    runs, workers = config["replications"], config["execution"]["workers"]
    events = predicted_events(accounts, config["horizon"]["days"]) * runs
    return Size(events, predicted_memory(accounts, min(workers, runs), runs), runs)


def predicted_events(accounts: float, days: float) -> float:
    """Events of one replication."""
    later = max(0.0, days / YEAR_DAYS - FIRST_YEARS)
    return accounts * (EVENTS_PER_ACCOUNT + EVENTS_PER_LATER_YEAR * later) + EVENTS_PER_DAY * days


def predicted_memory(accounts: float, processes: int, kept: int) -> float:
    """Largest memory in MiB of processes with a replication each, and of so many replications that are kept."""
    memory = BASE_MIB + (WORKER_MIB * processes if processes > 1 else 0.0)
    return memory + accounts * (SIMULATED_BYTES * processes + KEPT_BYTES * kept) / MEBIBYTE


def together(sizes: Iterable[Size]) -> Size:
    """The size of several studies that are run one after another."""
    sizes = list(sizes)
    memory = max((each.memory for each in sizes), default=0.0)
    return Size(sum(each.events for each in sizes), memory, sum(each.runs for each in sizes))


def excess(found: Size, budget: Mapping[str, float]) -> dict[str, str]:
    """What is over its limit: by the key that raises it, need, limit and how to raise it in words."""
    needs = {"events": (found.events, "events"), "memory": (found.memory, "MiB"), "runs": (found.runs, "runs")}
    texts = {}
    for key, (need, unit) in needs.items():
        limit = budget.get(key) or LIMITS[key]
        if need > limit:
            more = f"fewer, or execution.budget.{key}={_figure(1.01 * need)}"
            texts[key] = f"needs about {_figure(need)} {unit}, got a budget of {_figure(limit)}; {more}"
    return texts


def together_over(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Problems of plans that are run together, under the budget of the first."""
    found = together(size(config, config["market"]["accounts"]) for config in configs)
    made = f"{len(configs)} plans x {configs[0]['replications']} replications"
    texts = excess(found, configs[0]["execution"]["budget"])
    return [f"scenarios: {text} ({made})" for text in texts.values()]


def _figure(value: float) -> str:
    """A whole number, or three figures of a large one."""
    return f"{value:.0f}" if value < 10_000_000 else f"{value:.3g}"
