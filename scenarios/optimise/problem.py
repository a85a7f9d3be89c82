"""What is optimised: the levers and what each may be, objectives, limits, what is uncertain, and the budget."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.optimise.measure import Goal, Limit
from scenarios.errors import InputError, shown, suggest
from scenarios.optimise.settings import SHARED, complete, problems_of
from scenarios.sweeps.dates import as_date
from scenarios.sweeps.experiment import load_settings, make_experiment, overridden, split_overrides
from scenarios.sweeps.ranges import Range, Values
from scenarios.sweeps.spaces import Space

if TYPE_CHECKING:
    from scenarios.studies.study import Study

HORIZON, LAST = "horizon", "last"
"""Periods: the whole horizon, and the last fiscal year that is over by its end."""

STAFFING = "staffing"
"""The table whose metrics are reported by desk."""


@dataclass(frozen=True)
class Quantity:
    """A figure of every outcome: a metric over a period.

    Attributes
    ----------
    metric, period : str
        Of ``HORIZON`` and ``LAST``.
    unit : str
    """

    metric: str
    period: str
    unit: str

    @property
    def name(self) -> str:
        """As columns are called."""
        return self.metric if self.period == HORIZON else f"{self.metric}_{self.period}"


@dataclass(frozen=True)
class Objective:
    """A figure that is made largest or smallest."""

    quantity: Quantity
    goal: Goal


@dataclass(frozen=True)
class Condition:
    """A figure that has to keep a limit."""

    quantity: Quantity
    limit: Limit

    @property
    def text(self) -> str:
        """As a reader says it."""
        sign = ">=" if self.limit.least else "<="
        share = "" if self.limit.probability is None else f" in {100 * self.limit.probability:g} % of outcomes"
        return f"{self.quantity.name} {sign} {self.limit.bound:g}{share}"


@dataclass(frozen=True, eq=False)
class Problem:
    """An optimisation, checked and ready to be searched.

    Attributes
    ----------
    name, business, scenario : str
    study : Study
        The plan as it stands, in which the values of a plan are set.
    base : Study
        The same without the scenario: what commands name.
    space : Space
        What keys may be, those that are uncertain among them.
    uncertain : tuple of str
        Keys that are drawn, not chosen.
    objectives : tuple of Objective
    conditions : tuple of Condition
    replications : int
        Of each plan under each draw.
    settings : dict
        The file with overrides, complete.
    """

    name: str
    business: str
    scenario: str
    study: Study = field(repr=False)
    base: Study = field(repr=False)
    space: Space
    uncertain: tuple[str, ...]
    objectives: tuple[Objective, ...]
    conditions: tuple[Condition, ...]
    replications: int
    settings: Mapping[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Keys that a plan sets."""
        return tuple(key for key in self.space.columns if key not in self.uncertain)

    @property
    def levers(self) -> dict[str, Values | Range]:
        """Keys that are chosen one by one."""
        return {key: domain for key, domain in self.space.free.items() if key not in self.uncertain}

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Figures of every outcome that are needed, each once."""
        found = [*(each.quantity for each in self.objectives), *(each.quantity for each in self.conditions)]
        return tuple(dict.fromkeys(found))

    def plan(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Values of all keys of a plan, linked ones included, with what is uncertain as it stands."""
        found = self.space.complete(self.scenario, {**self.assumed, **chosen})
        return {key: found[key] for key in self.columns}

    def holds(self, chosen: Mapping[str, Any]) -> bool:
        """Whether a plan keeps the constraints between keys; one whose links have no value does not."""
        try:
            found = self.space.complete(self.scenario, {**self.assumed, **chosen})
        except InputError:
            return False
        return self.space.holds(self.scenario, found)

    @property
    def assumed(self) -> dict[str, Any]:
        """Values of what is uncertain as the study has them."""
        from scenarios.studies.resolve import follow

        return {key: follow(self.study.config, tuple(key.split("."))) for key in self.uncertain}

    def draws(self, number: int, seed: int) -> list[dict[str, Any]]:
        """Values of what is uncertain, the same for every plan: a Latin hypercube; one empty draw if nothing is."""
        domains = {key: domain for key, domain in self.space.free.items() if key in self.uncertain}
        if not domains:
            return [{}]
        from scipy.stats import qmc

        unit: np.ndarray = qmc.LatinHypercube(len(domains), rng=seed).random(number)
        return [{key: domain.at(float(u)) for (key, domain), u in zip(domains.items(), row, strict=True)}
                for row in unit]  # fmt: skip


def read_problem(
    name: str, overrides: Sequence[str] = (), config_dir: str | os.PathLike[str] | None = None
) -> Problem:  # fmt: skip
    """The optimisation of an experiment file.

    Parameters
    ----------
    name : str
        Of the file, without ``.yaml``.
    overrides : sequence of str, optional
        Of the study as on the command line, and ``experiment.SETTING=value``; all win over the file.
    config_dir : path, optional
        A folder of the user's own options.

    Raises
    ------
    InputError
        With everything that is wrong, one line each; nothing was run or written.
    """
    return make_problem(name, load_settings(name, config_dir), overrides, config_dir)


def make_problem(
    name: str,
    settings: Mapping[str, Any],
    overrides: Sequence[str] = (),
    config_dir: str | os.PathLike[str] | None = None,
) -> Problem:
    """An optimisation of settings as a file holds them; see ``read_problem``."""
    from scenarios.studies.compose import compose

    ours, theirs, chosen = split_overrides(overrides)
    given = overridden(settings, ours)
    if problems := problems_of(given):
        raise InputError(problems)
    given = complete(given)
    if any(word.lstrip("+").startswith("precision=") for word in theirs):
        raise InputError(["precision: is not for an optimisation, got one; experiment.budget.replications=10"])
    experiment = _as_sweep(name, given, chosen, theirs, config_dir)
    (scenario, study), = experiment.studies.items()  # fmt: skip
    words = [word for word in study.overrides if not word.startswith("scenario=")]
    found = Problem(
        name=name, business=experiment.business, scenario=scenario, study=study,
        base=compose(overrides=words, config_dir=config_dir), space=experiment.space,
        uncertain=tuple(given["uncertain"]), objectives=tuple(_objectives(given, study)),
        conditions=tuple(_conditions(given, study)), replications=int(experiment.replications), settings=given,
        warnings=tuple(experiment.warnings),
    )  # fmt: skip
    _check_levers(found)
    return found


def _as_sweep(
    name: str,
    given: Mapping[str, Any],
    business: str | None,
    overrides: Sequence[str],
    config_dir: str | os.PathLike[str] | None,
) -> Any:
    """The keys of an optimisation as a sweep has them, which checks them and composes the study."""
    shared = {setting: given[setting] for setting in SHARED}
    constraints = [text for text in given["constraints"] if isinstance(text, str)]
    own = {
        "kind": "sweep", "sampler": "lhs", "points": 1, "constraints": constraints,
        "keys": {**given["keys"], **given["uncertain"]}, "replications": given["budget"]["replications"],
    }  # fmt: skip
    try:
        return make_experiment(name, shared | own, business, overrides, config_dir)
    except InputError as error:
        raise InputError([_whose(line, given) for line in error.problems]) from None


def _whose(line: str, given: Mapping[str, Any]) -> str:
    """A message about a key or a constraint of the sweep as one about the setting of ours that it stands in."""
    places = [str(index) for index, each in enumerate(given["constraints"]) if isinstance(each, str)]
    line = re.sub(r"^experiment\.constraints\.(\d+):", lambda at: f"experiment.constraints.{places[int(at[1])]}:", line)
    for key in given["uncertain"]:
        for end in (":", "."):
            line = line.replace(f"experiment.keys.{key}{end}", f"experiment.uncertain.{key}{end}")
    return line.replace("experiment.replications:", "experiment.budget.replications:")


def _objectives(given: Mapping[str, Any], study: Study) -> list[Objective]:
    robust = given["robust"]
    return [
        Objective(_quantity(f"objectives.{index}", each, study),
                  Goal(each["direction"] == "maximise", robust["measure"], float(robust["level"])))
        for index, each in enumerate(given["objectives"])
    ]  # fmt: skip


def _conditions(given: Mapping[str, Any], study: Study) -> list[Condition]:
    return [
        Condition(_quantity(f"constraints.{index}", each, study),
                  Limit(float(each.get("at_least", each.get("at_most"))), "at_least" in each, each.get("probability")))
        for index, each in enumerate(given["constraints"])
        if isinstance(each, Mapping)
    ]  # fmt: skip


def _quantity(where: str, given: Mapping[str, Any], study: Study) -> Quantity:
    """A metric, or one of a desk as ``utilisation_sales``.

    Raises
    ------
    InputError
        For one that is unknown, or not reported for fiscal years; or if no fiscal year is over.
    """
    from analysis.metrics import REGISTRY
    from scenarios.runs.replicate import metrics_context

    asked, period, context = given["metric"], given.get("period", HORIZON), metrics_context(study.config)
    names = {name: name for name in REGISTRY}
    of_desks = [name for name, each in REGISTRY.items() if STAFFING in each.source]
    names |= {f"{name}_{desk}": name for desk in study.config["policy"]["desks"] for name in of_desks}
    if asked not in names:
        raise InputError([f"experiment.{where}.metric: is unknown, got {shown(asked)}; {suggest(asked, REGISTRY)}"])
    metric = REGISTRY[names[asked]]
    if period == LAST and "fiscal_year" not in metric.periods:
        raise InputError([f"experiment.{where}.period: is not for {asked}, got last; period: horizon"])
    if period == LAST and last_year(study.config) is None:
        days = study.config["horizon"]["days"]
        raise InputError([f"experiment.{where}.period: needs a fiscal year that is over, got {days} days; horizon"])
    return Quantity(asked, period, metric.currency_unit(context))


def last_year(config: Mapping[str, Any]) -> str | None:
    """Label of the last fiscal year that is over by the end of the horizon."""
    from analysis.metrics.periods import YEAR
    from scenarios.runs.replicate import metrics_context

    ends = metrics_context(dict(config)).calendar.groups[YEAR].ends
    return f"FY{str(ends[-1])[:4]}" if len(ends) else None


def _check_levers(problem: Problem) -> None:
    levers, shares = problem.levers, problem.space.shares
    if not levers and not shares:
        raise InputError(["experiment.keys: leaves nothing to choose, got links only; a range or a list"])
    if problem.settings["sampler"] != "cmaes":
        return
    listed = [key for key, domain in levers.items() if isinstance(domain, Values) and not ordered(domain)]
    if listed:
        where = f"experiment.keys.{listed[0]}"
        raise InputError([f"{where}: has no order for cmaes, got {shown(list(levers[listed[0]].values))}; tpe"])  # type: ignore[union-attr]
    if len(levers) + sum(len(each.keys) - 1 for each in shares) < 2:
        raise InputError(["experiment.sampler: needs two keys or more, got cmaes with one; tpe"])


def ordered(domain: Values) -> bool:
    """Whether listed values are numbers or dates, whose order means something."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in domain.values)
    return numbers or all(as_date(value) for value in domain.values)
