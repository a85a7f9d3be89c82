"""Decision, Duration, Rate: the three ways in which anything is decided.

* ``Decision``: logit p = base[segment] + frailty[account] + sum of strength * signal
* ``Duration``: a distribution times exp(sum of strength * signal)
* ``Rate``: an intensity times exp(sum of strength * signal)

Every mechanism of the register is one signal and one line of effects, which can be switched off, swept, tested
alone and explained (``Decision.terms``). Probabilities are rounded to single precision before they are used and
logged, so that the last bit of a logarithm, which differs between processors, decides nothing.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.distributions import bind, by_segment, longer, normal, normal_cdf, seen
from sim.signals import SIGNALS
from sim.spec import DecisionSpec, Effect
from sim.spec.distribution import Distribution, Fixed
from sim.streams import Draws
from sim.units import GRID, snap

if TYPE_CHECKING:
    from sim.world import World

_TINY = 1e-300
_MOST = 20.0
"""Bound on the exponent of durations and rates: a factor of e**20 is already beyond meaning."""

Term = tuple[str, float, Callable[["World", Any], Any]]


def _terms(effects: dict[str, Effect], target: str) -> tuple[list[Term], list[Term]]:
    """Static and dynamic terms of a target, those of strength 0 left out."""
    static: list[Term] = []
    dynamic: list[Term] = []
    for name, effect in sorted(effects.items()):
        if effect.strength:
            signal = SIGNALS[effect.signal or name]
            read = partial(signal.read, about=target) if signal.about else signal.read
            (static if signal.static else dynamic).append((name, effect.strength, read))
    return static, dynamic


class _Sum:
    """Sum of strength * signal, the static part evaluated once for all accounts."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.configure()

    def configure(self) -> None:
        """Take strengths, bases and prices from the specification that holds now."""
        everyone = np.arange(len(self.world.population.segment))
        self.static_terms, self.dynamic = _terms(self.world.spec.effects.get(self.name, {}), self.name)
        self.static = np.zeros(len(everyone))
        for _, strength, read in self.static_terms:
            self.static += strength * read(self.world, everyone)

    def many(self, accounts: np.ndarray) -> np.ndarray:
        """The sum for an index array."""
        total = self.static[accounts]
        for _, strength, read in self.dynamic:
            total = total + strength * read(self.world, accounts)
        return total

    def one(self, account: int) -> float:
        """The dynamic part for one account."""
        total = 0.0
        for _, strength, read in self.dynamic:
            total += strength * read(self.world, account)
        return total

    def terms(self, account: int) -> dict[str, float]:
        """Contribution of every effect for one account, as things stand now."""
        terms = self.static_terms + self.dynamic
        return {name: float(strength * read(self.world, account)) for name, strength, read in terms}


class Decision(_Sum):
    """A yes-or-no decision of an account.

    ``decide`` answers for one account at one occurrence, ``chance`` gives probabilities for many and
    ``probability`` that of one account, as things stand now. Both the uniform and the probability of every single
    decision are returned, to be logged. ``answers`` draws answers alone, 1 for yes: for a decision that is
    ``settled``, because nothing that happens to an account changes its probability.
    """

    def __init__(self, world: World, name: str) -> None:
        self.draws = Draws(world.streams, f"decision.{name}", lambda u, first: u)
        self.answers = Draws(world.streams, f"decision.{name}", self._answer)
        self._noes = f"{name}: noes"
        code = world.traits.name(f"frailty.{name}")
        self._frailty = normal(world.traits.uniforms(code, 0, 0, len(world.population.segment)))
        super().__init__(world, name)

    @property
    def spec(self) -> DecisionSpec:
        """What the business says of this decision now."""
        return self.world.spec.business.decisions[self.name]

    def configure(self) -> None:
        super().configure()
        base = np.clip(by_segment(self.spec.base, self.world.population.segments), _TINY, 1.0)
        with np.errstate(divide="ignore"):
            logit = np.log(base) - np.log1p(-base)
        self.static += logit[self.world.population.segment]
        if self.spec.frailty:
            self.static += self.spec.frailty * self._frailty
        self.answers.clear()
        self.settled = not self.dynamic
        self.probability: Callable[[int], float] = self._as_things_stand
        if self.settled:
            self.probability = array("d", _logistic(self.static).tobytes()).__getitem__

    def survived(self, accounts: np.ndarray, times: np.ndarray, yes: bool) -> None:
        """These accounts have answered ``yes`` (or no) so many times: their frailties are those of survivors.

        The density of a standard normal times the chance of those answers for the account's segment, inverted on a
        grid at the quantile of the account's own frailty. Other effects are taken to be average.
        """
        if not self.spec.frailty:
            return
        z = np.linspace(-8.0, 8.0, 3201)
        base = by_segment(self.spec.base, self.world.population.segments)[self.world.population.segment[accounts]]
        for account, b, k in zip(
            accounts.tolist(), np.clip(base, 1e-12, 1 - 1e-12).tolist(), times.tolist(), strict=True
        ):
            logit = math.log(b) - math.log1p(-b) + self.spec.frailty * z
            weight = np.exp(-z * z / 2 - k * np.logaddexp(0.0, -logit if yes else logit))
            reached = np.cumsum(weight)
            own = normal_cdf(self._frailty[account : account + 1])[0]
            self._frailty[account] = np.interp(own * reached[-1], reached, z)
        self.configure()

    def chance(self, accounts: np.ndarray) -> np.ndarray:
        """Probability of yes for each account of an index array, as things stand now."""
        return _logistic(self.many(accounts))

    def _answer(self, u: np.ndarray, first: int) -> np.ndarray:
        return (u < _logistic(self.static[first : first + len(u)])).astype(float)

    def _as_things_stand(self, account: int) -> float:
        logit = self.static.item(account) + self.one(account)
        if logit < -700.0:
            return 0.0
        return float(np.float32(1.0 / (1.0 + math.exp(-logit))))

    def decide(self, account: int, occurrence: int) -> tuple[bool, float, float]:
        """(outcome, probability, uniform) of kind attempt, period or once."""
        p, u = self.probability(account), self.draws.get(account, occurrence)
        return u < p, p, u

    def carry(self, account: int, spell: int, carried: dict[str, float]) -> tuple[bool, float, float]:
        """The same of kind carried: the uniform of the spell is kept in ``carried`` and rescaled at every yes.

        After a no the spell is over; should the same journey come to this decision again, it draws afresh.
        """
        p = self.probability(account)
        u = carried.pop(self.name, None)
        if u is None:
            u = self.draws.get(account, spell + int(carried.get(self._noes, 0)))
        yes = u < p
        if yes:
            carried[self.name] = u / p
        else:
            carried[self._noes] = carried.get(self._noes, 0) + 1
        return yes, p, u

    def base_terms(self, account: int) -> dict[str, float]:
        """Base and frailty of one account, in logit."""
        spec, population = self.spec, self.world.population
        base = max(float(by_segment(spec.base, population.segments)[population.segment[account]]), _TINY)
        logit = math.log(base) - math.log1p(-base) if base < 1 else math.inf
        return {"base": logit, "frailty": float(spec.frailty * self._frailty[account])}


def _logistic(logit: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return (1.0 / (1.0 + np.exp(-logit))).astype(np.float32).astype(float)


class Duration(_Sum):
    """A time in days or hours. The content is keyed by account and occurrence; calendars come after.

    ``of`` gives the duration of one account at one occurrence.
    """

    def __init__(self, world: World, name: str, read: Callable[[], Distribution]) -> None:
        self._read = read
        self.draws = Draws(world.streams, f"duration.{name}", self._transform)
        self._left = [Draws(world.streams, f"opening.{name}", lambda u, first: u, part) for part in range(2)]
        self._known: dict[tuple[int, int], float] = {}
        super().__init__(world, name)

    def configure(self) -> None:
        super().configure()
        distribution = self._read()
        self.bound = bind(distribution, self.world.population.segments)
        self.of: Callable[[int, int], float] = self._of_now if self.dynamic else self.draws.get
        if isinstance(distribution, Fixed) and isinstance(distribution.value, float | int):
            value = float(snap(max(float(distribution.value), 0.0)))
            if not self.static_terms and not self.dynamic:
                self.of = lambda account, occurrence: value
        self.draws.clear()
        if self._known:
            self._prefer_known()

    def know(self, account: int, occurrence: int, value: float) -> None:
        """One duration is known beforehand, whatever else changes."""
        first = not self._known
        self._known[account, occurrence] = value
        if first:
            self._prefer_known()

    def _prefer_known(self) -> None:
        drawn, known = self.of, self._known
        self.of = lambda account, occurrence: (
            known[account, occurrence] if (account, occurrence) in known else drawn(account, occurrence)
        )

    def beyond(self, account: int, occurrence: int, spent: float) -> float:
        """The whole duration of an account for which ``spent`` is already over: drawn given that it is longer."""
        if (account, occurrence) in self._known:
            return max(self._known[account, occurrence], spent)
        factor, segment, u, _ = self._standing(account)
        value = longer(self.bound, np.array([max(spent, 0.0) / factor]), u, segment)
        return max(float(snap(value[0] * factor)), spent)

    def under_way(self, account: int, occurrence: int) -> tuple[float, float]:
        """A duration under way of which nobody knows when it began, and what is left of it."""
        factor, segment, u, v = self._standing(account)
        if (account, occurrence) in self._known:
            whole = self._known[account, occurrence]
        else:
            whole = float(snap(seen(self.bound, u, segment)[0] * factor))
        return whole, float(snap(whole * v[0]))

    def _standing(self, account: int) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        total = self.static.item(account) + self.one(account)
        u, v = (np.array([draws.get(account, 0)]) for draws in self._left)
        return math.exp(min(max(total, -_MOST), _MOST)), self.world.population.segment[[account]], u, v

    def _transform(self, u: np.ndarray, first: int) -> np.ndarray:
        chosen = slice(first, first + len(u))
        values = self.bound.ppf(u, self.world.population.segment[chosen])
        if self.static_terms:
            values = values * np.exp(np.clip(self.static[chosen], -_MOST, _MOST))
        return np.rint(np.maximum(values, 0.0) / GRID) * GRID

    def _of_now(self, account: int, occurrence: int) -> float:
        value = self.draws.get(account, occurrence)
        return round(value * math.exp(min(max(self.one(account), -_MOST), _MOST)) / GRID) * GRID


class Rate(_Sum):
    """A factor on an intensity or a level, for many accounts at once."""

    def factor(self, accounts: np.ndarray) -> np.ndarray:
        """exp(sum of strength * signal) for each account of an index array."""
        return np.exp(np.clip(self.many(accounts), -_MOST, _MOST))
