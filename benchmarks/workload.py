"""The reference workload, as a composed study and as plain numbers for the controls."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sim.simulate import Run, simulate
from sim.spec import Contacts, Timeline

CONF = Path(__file__).parent / "conf"
CONTACT_DAYS = 1000
HORIZON = 2900.0
SERVERS = 20
LOAD = 0.8
PASS = (0.8, 0.7, 0.6)
RENEW = 0.85
YEARS = 5
YEAR = 365.25

ROOM = ("execution.budget.memory=1e6", "execution.budget.events=1e12")
"""Overrides that let the largest workload through the guard."""


@dataclass(frozen=True)
class Workload:
    """So many companies, contacted at times uniform over 1000 days, the same times for every engine."""

    accounts: int

    @cached_property
    def times(self) -> np.ndarray:
        """Times of contact in days, increasing, on the simulator's time grid."""
        times = np.sort(np.random.default_rng(2025).random(self.accounts)) * CONTACT_DAYS
        return np.rint(times * 2.0**20) / 2.0**20

    @cached_property
    def work_days(self) -> tuple[float, float, float]:
        """Mean work at each desk in days, so that its load is .8."""
        first = LOAD * SERVERS * CONTACT_DAYS / self.accounts
        return first, first / PASS[0], first / PASS[0] / PASS[1]

    @cached_property
    def timeline(self) -> Timeline:
        """The study composed from ``conf``, with these contacts."""
        from scenarios import compose

        hours = dict(zip(("first", "second", "third"), self.work_days, strict=True))
        terms = [f"policy.terms.{name}_hours={24 * days!r}" for name, days in hours.items()]
        study = compose(
            "reference", [f"market.accounts={self.accounts}", "replications=1", *ROOM, *terms], config_dir=CONF
        )
        names = tuple(map(str, range(self.accounts)))
        contacts = Contacts(names, self.times, np.zeros(self.accounts, int), exact=True)
        return replace(study.timeline, contacts=contacts)

    def engine(self, seed: int, *wanted: str, log_decisions: bool = False) -> Run:
        """Our engine, to the typed columns of the wanted tables."""
        return simulate(self.timeline, seed, 0, log_decisions=log_decisions, wanted=wanted)


@dataclass(frozen=True)
class Outcome:
    """What an engine found: how many signed and renewed, mean wait in days at each desk, rows logged."""

    signed: int
    renewed: int
    waits: tuple[float, ...]
    rows: int


def outcome(run: Run) -> Outcome:
    """The outcome of our engine, read off its events; waits over visits that began within the horizon."""
    events: Any = run.tables["events"]
    activity, stage, time = events["activity"], events["stage"], events["time"]

    def rows(name: str) -> np.ndarray:
        return np.flatnonzero(activity.codes == activity.names.index(name))

    queued, started = rows("queued"), rows("started")
    waits = []
    for code in (stage.names.index(desk) for desk in ("check", "meeting", "offer")):
        arrived, begun = time[queued[stage.codes[queued] == code]], time[started[stage.codes[started] == code]]
        waits.append(float((begun.sum() - arrived[: len(begun)].sum()) / len(begun)))
    return Outcome(len(rows("signed")), len(rows("renewed")), tuple(waits), len(time))


def visits_outcome(run: Run) -> Outcome:
    """The same, read off the visits."""
    visits: Any = run.tables["visits"]
    stage, then = visits["stage"], visits["outcome"].codes == visits["outcome"].names.index("then")
    at = {name: stage.codes == code for code, name in enumerate(stage.names)}
    wait = visits["started"] - visits["queued"]
    waits = tuple(float(np.nanmean(wait[at[desk]])) for desk in ("check", "meeting", "offer"))
    renewed = sum(int((at[f"renew{year}"] & then).sum()) for year in range(1, YEARS + 1))
    return Outcome(int((at["offer"] & then).sum()), renewed, waits, len(visits["account"]))


def machine() -> str:
    """Processor, cores and versions, on one line."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    model = models[0] if models else platform.processor() or platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in ("simpy", "numpy"))
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, {packages}"
