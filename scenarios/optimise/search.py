"""Which plan to try next: a sampler of optuna that learns from the plans before, the same ones for the same seed.

Nothing of it is stored. A search that goes on asks again from the first plan, and is told what the files of jobs say;
so it comes to the same plans as one that was never stopped.

References
----------
Bergstra, J., Bardenet, R., Bengio, Y. & Kégl, B. (2011). Algorithms for hyper-parameter optimization. NeurIPS 24.
Ozaki, Y., Tanigaki, Y., Watanabe, S. & Onishi, M. (2020). Multiobjective tree-structured Parzen estimator for
    computationally expensive optimization problems. GECCO 2020.
Hansen, N. & Ostermeier, A. (2001). Completely derandomized self-adaptation in evolution strategies.
    Evolutionary Computation 9, 159-195.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError
from scenarios.optimise.problem import Problem, ordered
from scenarios.sweeps.ranges import Range, Values, rounded

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

TRIES = 200
"""Plans drawn for each that is asked for, before constraints between keys are found to admit too few."""

POPULATION = 20
"""Plans of a generation of NSGA-II: of a budget of some hundred, enough generations are left to learn from."""

ALL = 1e12
"""Excess that stands for an outcome without a value: more than any other."""


@dataclass(frozen=True)
class Draft:
    """A plan that is to be tried: its number in the sampler, and what was chosen, by key."""

    handle: int
    chosen: Mapping[str, Any]


class Search:
    """A sampler over the levers of a problem.

    Parameters
    ----------
    problem : Problem

    Raises
    ------
    InputError
        If optuna is not installed.
    """

    def __init__(self, problem: Problem) -> None:
        optuna = _optuna()
        directions = ["maximize" if each.goal.largest else "minimize" for each in problem.objectives]
        self._problem, self._failed = problem, optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(directions=directions, sampler=_sampler(problem))
        self._distributions = _distributions(problem)

    def ask(self, number: int) -> list[Draft]:
        """The next plans, all of which keep the constraints between keys; fewer if the constraints admit no more."""
        found = []
        for _ in range(TRIES * number):
            trial = self._study.ask(self._distributions)
            chosen = _chosen(self._problem, trial.params)
            if self._problem.holds(chosen):
                found.append(Draft(trial.number, chosen))
            else:
                self.skip(trial.number)
            if len(found) == number:
                break
        return found

    def tell(self, handle: int, values: Sequence[float], excesses: Mapping[str, float]) -> None:
        """What the objectives of a plan are, and how far it misses each limit, 0 or less where it keeps it."""
        from optuna.trial import Trial

        trial = Trial(self._study, handle)
        for name, excess in excesses.items():
            trial.set_constraint(name, min(excess, ALL))
        self._study.tell(handle, list(values))

    def skip(self, handle: int) -> None:
        """Nothing is known of a plan."""
        self._study.tell(handle, state=self._failed)


def check_search(problem: Problem) -> None:
    """Refuse an optimisation for which optuna is missing, or whose constraints between keys admit too little.

    Raises
    ------
    InputError
    """
    batch = min(problem.settings["budget"]["batch"], problem.settings["budget"]["trials"])
    found = len(Search(problem).ask(batch))
    if found < batch:
        got = f"{found} of {TRIES * batch} tried"
        raise InputError([f"experiment.constraints: admit too few plans, got {got}; wider ranges or a link"])


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        text = "optimise: needs the package optuna, got none; pip install 'tobsim[optimise]'"
        raise InputError([text]) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _sampler(problem: Problem) -> BaseSampler:
    from optuna import samplers

    seed = int(problem.settings["seed"]) % 2**32
    name = problem.settings["sampler"]
    if name == "nsga2":
        return samplers.NSGAIISampler(population_size=POPULATION, seed=seed)
    if name == "cmaes":
        return _evolution(seed)
    return samplers.RandomSampler(seed=seed) if name == "random" else samplers.TPESampler(seed=seed)


def _evolution(seed: int) -> BaseSampler:
    from optuna import samplers

    try:
        import cmaes  # noqa: F401
    except ImportError:
        text = "experiment.sampler: needs the package cmaes, got cmaes; tpe, or pip install 'tobsim[optimise]'"
        raise InputError([text]) from None
    return samplers.CmaEsSampler(seed=seed)


def _distributions(problem: Problem) -> dict[str, Any]:
    """What optuna draws from: by key, and for shares of a whole one dimension less than there are shares."""
    from optuna.distributions import FloatDistribution

    found = {key: _distribution(domain) for key, domain in problem.levers.items()}
    for group in problem.space.shares:
        found |= {key: FloatDistribution(0.0, 1.0) for key in group.keys[:-1]}
    return found


def _distribution(domain: Values | Range) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(domain, Values):
        last = len(domain.values) - 1
        return IntDistribution(0, last) if ordered(domain) else CategoricalDistribution(list(range(last + 1)))
    if domain.integer:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def _chosen(problem: Problem, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Values of what was drawn."""
    found = {key: _value(domain, drawn[key]) for key, domain in problem.levers.items()}
    for group in problem.space.shares:
        found |= group.at([drawn[key] for key in group.keys[:-1]])
    return found


def _value(domain: Values | Range, drawn: Any) -> Any:
    if isinstance(domain, Values):
        return _sorted(domain)[drawn]
    return drawn if domain.integer else min(max(rounded(drawn), domain.low), domain.high)


def _sorted(domain: Values) -> tuple[Any, ...]:
    return tuple(sorted(domain.values)) if ordered(domain) else domain.values
