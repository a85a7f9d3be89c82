"""The space that an experiment samples: its keys with what each may be, links, shares and constraints, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.studies.build import origin
from scenarios.studies.overrides import GROUPS
from scenarios.studies.resolve import Path, assign, dotted, follow, resolve, unknown
from scenarios.studies.schema import options, out_of_range, place, validate, walk
from scenarios.studies.settings import NOT_IN_DIGEST
from scenarios.sweeps.expressions import Constraint, parse_constraint
from scenarios.sweeps.ranges import Domain, Linked, Own, Range, Shares, Values, read_domain, read_shares
from scenarios.sweeps.refusals import meaning_problems
from scenarios.sweeps.settings import ONE_AT_A_TIME

if TYPE_CHECKING:
    from scenarios.studies.study import Study


@dataclass(frozen=True)
class Space:
    """What the keys of an experiment may be, together.

    Attributes
    ----------
    keys : dict
        Domain by key, shares left out, in the order of the file.
    shares : tuple of Shares
    constraints : tuple of Constraint
    fixed : dict
        By scenario the numbers of keys that links and constraints name and that are not sampled.
    aliases : dict
        By scenario, the sampled key that another key named by a link or a constraint refers to.
    order : tuple of str
        Linked keys, each after those that it follows.
    """

    keys: Mapping[str, Domain]
    shares: tuple[Shares, ...]
    constraints: tuple[Constraint, ...]
    fixed: Mapping[str, Mapping[str, float]]
    aliases: Mapping[str, Mapping[str, str]]
    order: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All keys that a point sets."""
        return (*self.keys, *(key for group in self.shares for key in group.keys))

    @property
    def free(self) -> dict[str, Values | Range]:
        """Keys that are sampled one by one."""
        return {key: domain for key, domain in self.keys.items() if not isinstance(domain, Linked)}

    def complete(self, scenario: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Values of all keys of a point, linked ones included, in the order of ``columns``.

        Raises
        ------
        InputError
            If a linked key has no value, as after a division by zero.
        """
        values = dict(chosen)
        for key in self.order:
            domain = self.keys[key]
            assert isinstance(domain, Linked)
            try:
                values[key] = domain.at(self._known(scenario, values))
            except (ArithmeticError, ValueError) as error:
                reason = f"has no value, got {error} in {shown(domain.equals.text)}; another link or range"
                raise InputError([f"experiment.keys.{key}.equals: {reason}"]) from None
        return {key: values[key] for key in self.columns}

    def holds(self, scenario: str, values: Mapping[str, Any]) -> bool:
        """Whether all constraints hold at a point."""
        known = self._known(scenario, values) if self.constraints else {}
        return all(constraint.holds(known) for constraint in self.constraints)

    def _known(self, scenario: str, values: Mapping[str, Any]) -> dict[str, Any]:
        known = {**self.fixed[scenario], **values}
        return known | {name: known[key] for name, key in self.aliases[scenario].items() if key in known}


def read_space(settings: Mapping[str, Any], studies: Mapping[str, Study]) -> Space:
    """The space of an experiment.

    Parameters
    ----------
    settings : mapping
        ``sampler``, ``keys``, ``shares`` and ``constraints`` as the file gives them.
    studies : mapping
        Studies by scenario, the first of which gives ranges and types.

    Raises
    ------
    InputError
        With everything that is wrong, one line each.
    """
    problems = list(dict.fromkeys(_misplaced(settings, studies)))
    if problems:
        raise InputError(problems)
    keys, shares = _domains(settings, next(iter(studies.values())), problems)
    constraints = _constraints(settings["constraints"], problems)
    if problems:
        raise InputError(problems)
    return _linked_up(keys, shares, constraints, studies)


def mute(space: Space, studies: Mapping[str, Study]) -> list[str]:
    """Keys that scenarios set differently, where the sampled value hides what the scenario says."""
    return [
        f"experiment.keys.{key}: hides what a scenario sets, got different values of it in {', '.join(studies)}"
        for key in space.columns
        if len({shown(follow(study.config, tuple(key.split(".")))) for study in studies.values()}) > 1
    ]


def _misplaced(settings: Mapping[str, Any], studies: Mapping[str, Study]) -> Iterator[str]:
    """Keys that do not exist, are no levers, are given twice or set elsewhere."""
    places = [(f"experiment.keys.{key}", str(key)) for key in settings["keys"]]
    for name, group in settings["shares"].items():
        places += [(f"experiment.shares.{name}.keys.{key}", str(key)) for key in group["keys"]]
    for index, (where, key) in enumerate(places):
        path = tuple(key.split("."))
        yield from (f"{where}: {reason}" for reason in _absent(path, studies))
        for other in (tuple(name.split(".")) for _, name in places[:index]):
            if _overlap(path, other):
                yield f"{where}: is given twice, got {dotted(other)} too; one of the two"
        based = settings.get("sampler") == ONE_AT_A_TIME  # an override is the base that its keys are moved from
        for done in () if based else next(iter(studies.values())).set_paths:
            if _overlap(path, done) and not _within(path, next(iter(studies.values()))):
                yield f"{where}: is sampled and set by an override, got {dotted(done)}=...; one of the two"


def _within(path: Path, study: Study) -> bool:
    """Whether a key is a part of an entry that an override gives as a whole: what it says there is the base."""
    given = [tuple(text.partition("=")[0].lstrip("+").split(".")) for text in study.overrides]
    return any(len(entry) < len(path) and path[: len(entry)] == entry for entry in given) and path not in given


def _absent(path: Path, studies: Mapping[str, Study]) -> Iterator[str]:
    if path[0] in (*NOT_IN_DIGEST, "seed"):
        yield f"is no key to sample, got {shown(dotted(path))}; it changes no company, market or policy"
        return
    if len(path) == 1 and path[0] in GROUPS:
        yield f"is a group, got {shown(path[0])}; single keys, scenarios=[...], or -m"
        return
    for name, study in studies.items():
        try:
            follow(study.config, path)
        except KeyError:
            yield f"is unknown in scenario {name}, got {shown(dotted(path))}; {unknown(study.config, path)}"
            return


def _overlap(one: Path, other: Path) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _domains(
    settings: Mapping[str, Any], study: Study, problems: list[str]
) -> tuple[dict[str, Domain], tuple[Shares, ...]]:
    ranges = {row["key"]: (row["low"], row["high"]) for row in study.inputs}
    keys: dict[str, Domain] = {}
    for key, given in settings["keys"].items():
        try:
            keys[key] = read_domain(f"experiment.keys.{key}", given, _own(study, key, ranges))
            problems += _refused(study, f"experiment.keys.{key}", key, _ends(keys[key]))
        except InputError as error:
            problems += error.problems
    shares = []
    for name, group in settings["shares"].items():
        try:
            shares.append(read_shares(name, group["keys"], group.get("total", 1)))
            for key, low, high in zip(shares[-1].keys, shares[-1].lows, shares[-1].highs, strict=True):
                problems += _refused(study, f"experiment.shares.{name}.keys.{key}", key, (low, high))
        except InputError as error:
            problems += error.problems
    return keys, tuple(shares)


def _own(study: Study, key: str, ranges: Mapping[str, tuple[float | None, float | None]]) -> Own:
    path = tuple(key.split("."))
    low, high = ranges.get(key, (None, None))
    references = dict(study.references)
    readers = [reader for reader in references if origin(reader, references) == path]
    whole = any(_is_whole(study, each) for each in (path, *readers))
    return Own(low, high, whole, follow(study.config, path))


def _is_whole(study: Study, path: Path) -> bool:
    """Whether the schema takes only whole numbers for a key."""
    spot = place(study.config, path)
    return spot is not None and int in options(spot.declared)


def _ends(domain: Domain) -> tuple[Any, ...]:
    """Values to be checked for a whole domain."""
    if isinstance(domain, Range):
        return (domain.low, domain.high)
    return domain.values if isinstance(domain, Values) else ()


def _refused(study: Study, where: str, key: str, ends: tuple[Any, ...]) -> Iterator[str]:
    """Values and ends of ranges that the schema does not allow."""
    path = tuple(key.split("."))
    current = follow(study.config, path)
    for value in ends:
        if _sort(value) != _sort(current) and None not in (_sort(value), _sort(current)):
            yield f"{where}: must be {_sort(current)}, got {shown(value)}; such as {shown(current)}"
            return
        tree = deepcopy(study.source)
        assign(tree, path, value)
        found = resolve(tree).tree
        for spot, reason in validate(found)[1] or out_of_range(list(walk(found))):
            yield f"{where}: {'' if spot == key else f'in {spot} '}{reason}"
            return
        if isinstance(value, str):
            yield from (f"{where}: {reason}" for spot, reason in meaning_problems(found) if spot == key)


def _sort(value: Any) -> str | None:
    """The sort of a scalar; None for what is none."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "text" if isinstance(value, str) else None


def _constraints(given: list[Any], problems: list[str]) -> tuple[Constraint, ...]:
    found = []
    for index, text in enumerate(given):
        try:
            found.append(parse_constraint(text))
        except ValueError as error:
            problems.append(f"experiment.constraints.{index}: {error}")
    return tuple(found)


def _linked_up(
    keys: Mapping[str, Domain],
    shares: tuple[Shares, ...],
    constraints: tuple[Constraint, ...],
    studies: Mapping[str, Study],
) -> Space:
    links = {key: domain for key, domain in keys.items() if isinstance(domain, Linked)}
    sampled = {**keys, **{key: None for each in shares for key in each.keys}}
    named = [(f"experiment.keys.{key}.equals", name) for key, link in links.items() for name in link.equals.names]
    named += [(f"experiment.constraints.{i}", name) for i, each in enumerate(constraints) for name in each.names]
    problems = list(dict.fromkeys(f"{where}: {text}" for where, name in named for text in _unusable(name, studies)))
    problems += [
        f"{where}: names a key that is no number, got {shown(name)}; a key of numbers"
        for where, name in named
        if isinstance(domain := sampled.get(name), Values) and any(_sort(v) != "a number" for v in domain.values)
    ]
    if problems:
        raise InputError(problems)
    other = list(dict.fromkeys(name for _, name in named if name not in sampled))
    aliases = {scenario: _sources(other, sampled, study) for scenario, study in studies.items()}
    fixed = {
        scenario: {name: follow(study.config, tuple(name.split("."))) for name in other}
        for scenario, study in studies.items()
    }
    return Space(keys, shares, constraints, fixed, aliases, _order(links, list(aliases.values())))


def _unusable(name: str, studies: Mapping[str, Study]) -> Iterator[str]:
    for study in studies.values():
        path = tuple(name.split("."))
        try:
            value = follow(study.config, path)
        except KeyError:
            yield f"names an unknown key, got {shown(name)}; {unknown(study.config, path)}"
            return
        if _sort(value) != "a number":
            yield f"names a key that is no number, got {shown(name)}; a key of numbers"
            return


def _sources(names: list[str], sampled: Mapping[str, Any], study: Study) -> dict[str, str]:
    """The sampled keys that other keys take their values from by a reference.

    Raises
    ------
    InputError
        If a key is a part of a sampled one.
    """
    found = {}
    for name in names:
        source = dotted(origin(tuple(name.split(".")), dict(study.references)))
        cut = [key for key in sampled if key != source and _overlap(tuple(key.split(".")), tuple(source.split(".")))]
        if cut:
            raise InputError(
                [f"experiment.keys.{cut[0]}: is sampled, got a link to its part {name}; a link to the key"]
            )
        if source in sampled:
            found[name] = source
    return found


def _order(links: Mapping[str, Linked], aliases: list[dict[str, str]]) -> tuple[str, ...]:
    """Linked keys, each after those that it follows.

    Raises
    ------
    InputError
        If keys follow each other in a circle.
    """
    after = {
        key: {each.get(name, name) for each in aliases for name in link.equals.names} & set(links)
        for key, link in links.items()
    }
    order: list[str] = []
    while len(order) < len(links):
        ready = [key for key in links if key not in order and after[key] <= set(order)]
        if not ready:
            key = next(key for key in links if key not in order)
            reason = f"follows itself in the end, got {shown(links[key].equals.text)}; a range for one of the keys"
            raise InputError([f"experiment.keys.{key}.equals: {reason}"])
        order += ready
    return tuple(order)
