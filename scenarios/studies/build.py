"""Config becomes spec: the one place where a composed configuration turns into frozen specifications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from scenarios.errors import InputError, suggest
from scenarios.intake.opening import Taken
from scenarios.studies.beginning import begin
from scenarios.studies.budget_file import with_budgets
from scenarios.studies.changes import Move, late, moves, timeline_trees
from scenarios.studies.checks import cautions, over_budget, semantic_problems, targets
from scenarios.studies.contacts import read_contacts
from scenarios.studies.distribution_checks import disordered, negative
from scenarios.studies.raw import MAX_DEPTH
from scenarios.studies.resolve import Path, Problem, Resolved, Tree, dotted, leaves, malformed, resolve
from scenarios.studies.schema import out_of_range, validate, walk, wrong_segments
from scenarios.studies.settings import Root
from sim.spec import Dated, StudySpec, Timeline
from sim.spec.market import Trace

OPEN: tuple[Path, ...] = (("policy", "conversion"), ("policy", "terms"), ("market", "figures"))
"""Mappings of named settings: a key there counts only if something refers to it."""


@dataclass(frozen=True)
class Built:
    """What a configuration became.

    Attributes
    ----------
    config : dict
        The configuration without references; with a trace, ``market.accounts`` is its number of rows.
    timeline : Timeline
        What ``sim.simulate`` takes.
    references : dict
        Path of a reference to the path it names.
    files : dict
        SHA-256 of every input file by the key that names it.
    warnings : tuple of str
        What is possible and probably not meant.
    taken : Taken or None
        What became of the opening files.
    """

    config: Tree
    timeline: Timeline
    references: dict[Path, Path]
    files: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    taken: Taken | None = None


def build(tree: Mapping[str, Any], set_keys: tuple[Path, ...] = ()) -> Built:
    """Build a timeline from a composed, unresolved configuration.

    Parameters
    ----------
    tree : mapping
        The configuration, references ``${a.b}`` in place. A resolved one is as good, but then a dated change
        does not reach what referred to its key.
    set_keys : tuple of paths, optional
        Keys that the user set one by one; each must be read by something.

    Raises
    ------
    InputError
        With everything that is wrong, one line each.
    """
    tree, read = with_budgets(dict(tree))
    problems, resolved, root = examine(tree)
    found: list[Move] = []
    if root is not None:
        found, wrong = moves(resolved.tree)
        problems += wrong
    problems += _unread(resolved, set_keys)
    if not problems and root is not None:
        problems += _budget(root, resolved.tree)
    if problems or root is None:
        raise InputError(worded(problems))
    built = _assemble(tree, resolved, root, found)
    warnings = (*built.warnings, *_idle(resolved, set_keys, root))
    return replace(built, files={**built.files, **read}, warnings=warnings)


def examine(tree: Tree) -> tuple[list[Problem], Resolved, Root | None]:
    """Everything that is wrong with one configuration; the specification if its keys and types are right."""
    shape = malformed(tree)
    if any("too large" in text for _, text in shape):
        return shape, Resolved(tree), None
    resolved = resolve(tree)
    unresolved = [*shape, *resolved.problems]
    found = _First(unresolved)
    root, schema = validate(_finite(resolved.tree))
    found.add(schema)
    places = list(walk(resolved.tree))
    segments = _names(resolved.tree, "market", "segments")
    found.add([*out_of_range(places), *wrong_segments(places, segments), *disordered(places), *negative(places)])
    found.add(semantic_problems(resolved.tree, broken=bool(found.problems)))
    later = found.problems[len(unresolved) :]
    return [*unresolved, *_at_source(later, resolved.references)], resolved, root


class _First:
    """Problems, of which each key has those of the first kind of check that found any."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def add(self, more: list[Problem]) -> None:
        taken = {where for where, _ in self.problems}
        self.problems = [*self.problems, *[problem for problem in more if problem[0] not in taken]]


def _at_source(problems: list[Problem], references: dict[Path, Path]) -> list[Problem]:
    """Problems of values that were referred to, at the key they come from."""
    moved: dict[Problem, str] = {}
    for where, text in problems:
        source = dotted(origin(tuple(where.split(".")), references))
        moved.setdefault((source, text), "" if source == where else f" (read by {where})")
    return [(where, text + reader) for (where, text), reader in moved.items()]


def origin(path: Path, references: dict[Path, Path]) -> Path:
    """The key that a value comes from, through any number of references."""
    for _ in range(MAX_DEPTH):
        above = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in references), None)
        if above is None:
            return path
        path = (*references[above], *path[len(above) :])
    return path


def worded(problems: list[Problem]) -> list[str]:
    """Problems as lines, each once."""
    return list(dict.fromkeys(f"{where}: {text}" for where, text in problems))


def _names(tree: Tree, *path: str) -> list[str]:
    node: Any = tree
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return list(node) if isinstance(node, Mapping) else []


def _finite(node: Any) -> Any:
    """The tree with null in place of what JSON cannot hold; those values are reported on their own."""
    if isinstance(node, Mapping):
        return {str(key): _finite(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_finite(value) for value in node]
    if isinstance(node, float) and (node != node or node in (float("inf"), float("-inf"))):
        return None
    return node


def _unread(resolved: Resolved, set_keys: tuple[Path, ...]) -> list[Problem]:
    """Settings that the user gave and nothing refers to."""
    read = set(resolved.references.values())
    known: dict[Path, list[str]] = {}
    for opened in OPEN:
        known[opened] = sorted({path[2] for path in read if path[:2] == opened and len(path) > 2})
    problems: list[Problem] = []
    for path in set_keys:
        if path[:2] in known and len(path) > 2 and not _is_read(path, read):
            reason = suggest(path[2], known[path[:2]], "read here:")
            problems.append((dotted(path), f"is read by nothing in this business, got a value for it; {reason}"))
    return problems


def _idle(resolved: Resolved, set_keys: tuple[Path, ...], root: Root) -> Iterator[str]:
    """Settings that stand in the files and do nothing."""
    read = set(resolved.references.values())
    for opened in OPEN[:2] if read else ():
        known = sorted({path[2] for path in read if path[:2] == opened and len(path) > 2})
        for name in _names(resolved.tree, *opened):
            if not _is_read((*opened, name), read):
                yield f"{dotted((*opened, name))}: is read by nothing in this business; {suggest(name, known, 'read:')}"
    if isinstance(root.market.first_contacts, Trace) and ("market", "accounts") in set_keys:
        yield "market.accounts: does nothing, the accounts are the rows of the file of first contacts"


def _is_read(path: Path, read: set[Path]) -> bool:
    return any(path[: len(r)] == r or r[: len(path)] == path for r in read)


def _budget(root: Root, config: Tree) -> Iterator[Problem]:
    if not isinstance(root.market.first_contacts, Trace):
        yield from over_budget(config, root.market.accounts)


def _assemble(tree: Tree, resolved: Resolved, root: Root, found: list[Move]) -> Built:
    config, contacts, files = resolved.tree, None, {}
    warnings = list(cautions(config))
    if isinstance(root.market.first_contacts, Trace):
        contacts, digest = read_contacts(root.market, root.market.first_contacts, root.horizon)
        files["market.first_contacts.path"] = digest
        rows = len(contacts.external_id)
        config = {**config, "market": {**config["market"], "accounts": rows}}
        tree = {**tree, "market": {**tree["market"], "accounts": rows}}
        root = replace(root, market=replace(root.market, accounts=rows))
        _raise_if(list(over_budget(config, rows)))
    warnings += late(found, root.horizon.days)
    spec, later = _specs(tree, config, found, root)
    taken = begin(spec, contacts)
    if taken is not None:
        files |= taken.files
        warnings += taken.warnings
    timeline = Timeline(spec=spec, later=later, contacts=contacts, opening=taken.opening if taken else None)
    return Built(config, timeline, resolved.references, files, tuple(warnings), taken)


def _specs(tree: Tree, config: Tree, found: list[Move], root: Root) -> tuple[StudySpec, tuple[Dated, ...]]:
    """The specification at the start, and those that hold from later dates on."""
    specs: list[tuple[int, StudySpec]] = []
    problems: list[Problem] = []
    for day, changed in timeline_trees(tree, config, found, root.horizon.days):
        wrong, _, changed_root = ([], None, root) if changed is tree else examine(changed)
        problems += [_blame(problem, [move for move in found if move.day <= day]) for problem in wrong]
        if changed_root is not None and not wrong:
            specs.append((day, _share(_spec(changed_root), specs[-1][1] if specs else None)))
    _raise_if(problems)
    return specs[0][1], tuple(Dated(day=float(day), spec=spec) for day, spec in specs[1:])


def _blame(problem: Problem, begun: list[Move]) -> Problem:
    """A problem that appears only once changes have been made, with the change it comes from."""
    where, text = problem
    causes = [move for move in begun if where.startswith(dotted(move.path))] or begun
    return causes[-1].key("value"), f"makes {where} wrong: it {text}"


def _raise_if(problems: list[Problem]) -> None:
    if problems:
        raise InputError(worded(problems))


def _spec(root: Root) -> StudySpec:
    """The specification alone; effects on what this business does not have are left out."""
    kept = targets_of(root)
    spec = StudySpec(**{f.name: getattr(root, f.name) for f in fields(StudySpec)})
    return replace(spec, effects={name: terms for name, terms in root.effects.items() if name in kept})


def targets_of(root: Root) -> set[str]:
    """What effects can move in this business."""
    kinds = {stop: {"kind": spec.kind} for stop, spec in root.business.route.items()}
    return set(targets({"route": kinds, "decisions": root.business.decisions}))


def _share(spec: StudySpec, before: StudySpec | None) -> StudySpec:
    """The specification with every part that did not change taken from the one before."""
    if before is None:
        return spec
    same = {f.name: getattr(before, f.name) for f in fields(spec) if getattr(before, f.name) == getattr(spec, f.name)}
    return replace(spec, **same)


def numbers(config: Tree) -> Iterator[tuple[Path, float | bool]]:
    """All numbers and switches of a configuration with their paths."""
    for path, value in leaves(config):
        if isinstance(value, int | float):
            yield path, value
