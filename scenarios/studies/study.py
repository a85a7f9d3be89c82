"""A study: what was composed, what it became, and where its numbers come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from scenarios.cards import card
from scenarios.studies.build import Built, build
from scenarios.studies.heads import with_staff
from scenarios.studies.holidays import with_holidays
from scenarios.studies.overrides import Setting, override_text
from scenarios.studies.resolve import Path, Tree, leaves
from scenarios.studies.settings import NOT_IN_DIGEST
from sim.spec import Timeline

if TYPE_CHECKING:
    from scenarios.intake.opening import Taken
    from scenarios.studies.provenance import Input


@dataclass(frozen=True)
class Layer:
    """One file of a composed configuration, the package it writes into, and whether it is the user's own."""

    file: str
    package: str
    yours: bool


@dataclass(frozen=True, eq=False)
class Study:
    """One business in one market under one policy over one horizon, ready to run.

    Attributes
    ----------
    config : dict
        The whole configuration without references, what ``config.yaml`` of a run holds.
    timeline : sim.spec.Timeline
        What ``sim.simulate.simulate`` takes.
    seed, replications : int
        Key of all random numbers; how many independent repetitions.
    digest : str
        Hexadecimal; equal for studies whose replications have equal tables: configuration and seed, and the content
        of input files, but not where or how often it is run.
    overrides : tuple of str
        What was set beside the files, as on the command line.
    cautions : tuple of str
        What is possible and probably not meant, seen in the configuration itself.
    source : dict
        The configuration with its references ``${a.b}`` in place; ``restore`` makes the same study of it.
    taken : Taken or None
        What became of the opening files, None for a study that starts from empty.
    stated : tuple of Input
        Rows of ``inputs`` as they were stored, of a restored study: the files whose remarks say them are not read.
    """

    config: Tree
    timeline: Timeline
    overrides: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    config_dir: str | None = None
    source: Tree = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    layers: tuple[Layer, ...] = field(default=(), repr=False)
    references: Mapping[Path, Path] = field(default_factory=dict, repr=False)
    set_paths: tuple[Path, ...] = field(default=(), repr=False)
    taken: Taken | None = field(default=None, repr=False)
    stated: tuple[Input, ...] = field(default=(), repr=False)

    @property
    def business(self) -> str:
        """Name of the business."""
        return str(self.config["business"]["name"])

    @property
    def seed(self) -> int:
        """Key of all random numbers."""
        return int(self.config["seed"])

    @property
    def replications(self) -> int:
        """How many independent repetitions."""
        return int(self.config["replications"])

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is possible and probably not meant; of a composed study also desks with more work than time."""
        from scenarios.studies.load import overloads

        return (*self.cautions, *(overloads(self.timeline) if self.layers else ()))

    @cached_property
    def digest(self) -> str:
        """Digest of everything that shapes the tables of a replication."""
        return study_digest(self.config, self.files)

    @cached_property
    def inputs(self) -> list[Input]:
        """Every number that entered: key, value, unit, origin, source, low, high, meaning."""
        from scenarios.studies.provenance import register

        return list(self.stated) or register(self)

    def __repr__(self) -> str:
        horizon, market = self.config["horizon"], self.config["market"]
        return (
            f"study {self.digest[:12]} of {self.business}: {market['accounts']} accounts, {horizon['days']} days from "
            f"{horizon['start']}, {self.replications} replications"
        )

    def _repr_html_(self) -> str:
        """What was chosen and set beside the shipped files, for a notebook."""
        import pandas as pd

        own = ["/".join(FilePath(layer.file).parts[-2:]) for layer in self.layers if layer.yours]
        rows = [*(("your file", name) for name in own), *(("override", text) for text in self.overrides)]
        rows += [("warning", text) for text in self.warnings]
        return card(repr(self), pd.DataFrame(rows, columns=["what", "value"]), rest="all numbers in .inputs")

    def with_(self, changes: Mapping[str, Any]) -> Study:
        """A new study with further overrides, values as Python has them.

        Examples
        --------
        ``study.with_({"policy.desks.sales.heads": 6, "market": "olist"})``
        """
        from scenarios.studies.compose import compose

        texts = [override_text(key, value) for key, value in changes.items()]
        chosen = {key for key in changes if "." not in key}
        kept = [text for text in self.overrides if text.split("=", 1)[0].lstrip("+") not in chosen]
        return compose(overrides=[*kept, *texts], config_dir=self.config_dir)


def make_study(tree: Tree, layers: tuple[Layer, ...], settings: Sequence[Setting], config_dir: str | None) -> Study:
    """Build a composed configuration and keep how it came about."""
    set_paths = tuple(s.path for s in settings if s.action == "set")
    tree, cautions = with_holidays(tree)
    tree, others = with_staff(tree, _leaf_paths(settings), layers)
    built = build(tree, set_paths)
    built = replace(built, warnings=(*built.warnings, *cautions, *others))
    return _study(tree, built, tuple(s.text for s in settings), config_dir, layers, _leaf_paths(settings))


def restore(source: Tree, overrides: Sequence[str] = ()) -> Study:
    """The study of a stored configuration (``Study.source`` or ``Study.config``), without composing it again."""
    return _study(source, build(source), tuple(overrides), None, (), ())


def _study(
    tree: Tree,
    built: Built,
    overrides: tuple[str, ...],
    config_dir: str | None,
    layers: tuple[Layer, ...],
    set_paths: tuple[Path, ...],
) -> Study:
    return Study(
        config=built.config,
        timeline=built.timeline,
        overrides=overrides,
        cautions=built.warnings,
        config_dir=config_dir,
        source=tree,
        files=built.files,
        layers=layers,
        references=built.references,
        set_paths=set_paths,
        taken=built.taken,
    )


def _leaf_paths(settings: Sequence[Setting]) -> tuple[Path, ...]:
    paths: dict[Path, None] = {}
    for setting in settings:
        if setting.action == "set":
            paths.update(dict.fromkeys((*setting.path, *rest) for rest, _ in leaves(setting.value)))
    return tuple(paths)


def study_digest(config: Tree, files: Mapping[str, str]) -> str:
    """Digest of a resolved configuration and of the content of its input files, which stand for their paths."""
    kept: dict[str, Any] = {key: _plain(value) for key, value in config.items() if key not in NOT_IN_DIGEST}
    for key in files:
        node = kept
        *above, last = key.split(".")
        for part in above:
            node = node[part]
        node[last] = ""
    text = json.dumps({"config": kept, "files": dict(files)}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _plain(node: Any) -> Any:
    """A copy in which 1.0 and 1 are one number."""
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, float) and node.is_integer() and abs(node) < 2**53:
        return int(node)
    return node
