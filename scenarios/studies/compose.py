"""From names and overrides to a study: Hydra composes the files, we check what goes in and word what is wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from scenarios.errors import InputError, shown, suggest, user_path
from scenarios.studies.overrides import GROUPS, Setting, read_overrides
from scenarios.studies.raw import scan_file
from scenarios.studies.resolve import Tree, assign, follow, remove, unknown
from scenarios.studies.settings import CONF
from scenarios.studies.stacks import GROUP, conflicts
from scenarios.studies.study import Layer, Study, make_study

SCANNED = (*GROUPS, "experiment", "claims")
"""Folders of a user's configuration that are read."""

MAX_FILES = 2000


@dataclass(frozen=True)
class Composed:
    """A composed configuration: references in place, and the files it is made of, in their order."""

    tree: Tree
    layers: tuple[Layer, ...]


def compose(
    business: str | None = None,
    overrides: Sequence[str] = (),
    config_dir: str | os.PathLike[str] | None = None,
) -> Study:
    """Compose a study.

    Parameters
    ----------
    business : str, optional
        Option of the group ``business``; the default is the one of ``conf/config.yaml``.
    overrides : sequence of str, optional
        As on the command line: ``market=NAME`` chooses an option of a group, ``policy.desks.sales.heads=5`` sets
        a key, ``~policy.channels.search`` deletes one. Later ones win, and all win over files.
    config_dir : path, optional
        A folder of the user's own options, laid out as ``conf``.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        With everything that is wrong, one line each; nothing was run or written.
    """
    texts = [*([f"business={business}"] if business is not None else []), *overrides]
    settings, problems = read_overrides(texts)
    folder = _folder(config_dir, problems)
    problems += _twice(settings)
    if folder is not None:
        problems += user_problems(folder)
    chosen = [s for s in settings if s.action == "choose"]
    problems += _unknown_options(chosen, folder)
    if not problems:
        problems = _conflicts(chosen, settings, folder)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    choices = tuple(f"{s.path[0]}={_option(s)}" for s in chosen)
    composed = _compose(choices, folder, (_state(CONF), _state(folder) if folder else ()))
    tree = _apply(composed.tree, [s for s in settings if s.action != "choose"])
    return make_study(tree, composed.layers, settings, str(folder) if folder else None)


def options(group: str, config_dir: str | os.PathLike[str] | None = None) -> list[str]:
    """Names of the options of a group, shipped and the user's own."""
    folders = [CONF, *([Path(config_dir)] if config_dir else [])]
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def unknown_option(group: str, name: str, config_dir: str | os.PathLike[str] | None = None) -> str:
    """What would be right in the place of an unknown option; ``--config-dir .`` may have been left out."""
    if config_dir is None and (Path(group) / f"{name}.yaml").is_file():
        return "this folder has it: --config-dir ."
    return suggest(str(name), options(group, config_dir))


def user_problems(folder: Path) -> list[str]:
    """What is wrong with the files of a user's own configuration folder."""
    problems: list[str] = []
    files = _yaml_files(folder)
    if len(files) > MAX_FILES:
        return [f"config_dir: holds too many files, got {len(files)}; at most {MAX_FILES}"]
    for path in files:
        where = path.relative_to(folder).as_posix()
        if not path.resolve().is_relative_to(folder):
            problems.append(f"{where}: leads out of the folder, got a link to {path.resolve()}; a file")
        elif path.suffix != ".yaml":
            problems.append(f"{where}: is not read, got a file ending in {path.suffix}; {path.stem}.yaml")
        elif (CONF / where).exists():
            problems.append(f"{where}: has the name of a shipped file and would be ignored, got {where}; another name")
        else:
            problems += scan_file(path, where)
    return problems


def _yaml_files(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("config.y*ml") if path.is_file()]
    for group in SCANNED:
        found += [path for path in (folder / group).rglob("*.y*ml") if path.is_file()]
    return sorted(found)


def _folder(config_dir: str | os.PathLike[str] | None, problems: list[str]) -> Path | None:
    if config_dir is None:
        return None
    folder = user_path(config_dir, "config_dir")
    if not folder.is_dir():
        problems.append(f"config_dir: is no folder, got {shown(str(config_dir))}; a folder laid out as conf")
        return None
    if unusable(folder):
        problems.append(f"config_dir: has characters that cannot be used, got {shown(str(folder))}; a plainer path")
        return None
    return folder.resolve()


def unusable(folder: Path) -> bool:
    """Whether the path of a folder has characters that a search path of Hydra cannot hold."""
    return any(ord(c) < 32 or c in "'\\$" for c in str(folder.resolve()))


def _twice(settings: list[Setting]) -> list[str]:
    """A group that is chosen twice, differently."""
    chosen: dict[str, Any] = {}
    problems = []
    for setting in settings:
        if setting.action == "choose":
            before = chosen.setdefault(setting.path[0], setting.value)
            if before != setting.value:
                reason = f"is chosen twice, got {', '.join([*before, *setting.value])}; one of them"
                problems.append(f"{setting.path[0]}: {reason}")
    return problems


def _unknown_options(chosen: list[Setting], folder: Path | None) -> list[str]:
    problems = []
    for setting in chosen:
        group = setting.path[0]
        known = options(group, folder)
        for name in setting.value:
            if name not in known:
                problems.append(f"{group}: is unknown, got {shown(name)}; {unknown_option(group, name, folder)}")
    return problems


def _conflicts(chosen: list[Setting], settings: list[Setting], folder: Path | None) -> list[str]:
    given = [setting.path for setting in settings if setting.action != "choose"]
    stacked: list[str] = next((s.value for s in chosen if s.path == (GROUP,) and len(s.value) > 1), [])
    return conflicts(stacked, folder, given)


def _option(setting: Setting) -> str:
    return setting.value[0] if len(setting.value) == 1 else f"[{','.join(setting.value)}]"


def _apply(tree: Tree, settings: list[Setting]) -> Tree:
    """The tree with single keys set and deleted, in order."""
    tree = deepcopy(tree)
    problems = []
    for setting in settings:
        if setting.action == "set":
            assign(tree, setting.path, deepcopy(setting.value))
            continue
        try:
            follow(tree, setting.path)
            remove(tree, setting.path)
        except KeyError:
            reason = f"cannot be deleted, got {shown(setting.text)}; {unknown(tree, setting.path)}"
            problems.append(f"{'.'.join(setting.path)}: {reason}")
    if problems:
        raise InputError(problems)
    return tree


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the files of a configuration: the same state composes to the same."""
    found = []
    for path in _yaml_files(folder):
        status = path.stat()
        found.append((str(path), status.st_size, status.st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=64)
def _compose(choices: tuple[str, ...], folder: Path | None, state: tuple[Any, ...]) -> Composed:
    """The configuration as Hydra composes it; ``state`` tells one state of the files from another."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.singleton import Singleton
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from scenarios.studies.one_pass import merged

    search = [f"hydra.searchpath=['file://{folder}']"] if folder else []
    singletons = Singleton.get_state()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            loader: Any = GlobalHydra.instance().config_loader()
            order, config = merged(loader, "config", [*choices, *search])
            tree: Any = OmegaConf.to_container(config, resolve=False)
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        raise InputError([_worded(error, folder)]) from None
    finally:
        Singleton.set_state(singletons)
    tree.setdefault("effects", {})
    return Composed(tree, tuple(_layers(order, folder)))


def _layers(order: list[Any], folder: Path | None) -> list[Layer]:
    found = []
    for item in order:
        path = CONF / f"{item.config_path}.yaml"
        own = folder / f"{item.config_path}.yaml" if folder else path
        if path.exists():
            found.append(Layer(str(path), item.package or "", yours=False))
        elif own.exists():
            found.append(Layer(str(own), item.package or "", yours=True))
    return found


def _worded(error: Exception, folder: Path | None) -> str:
    """A mistake in the files, as Hydra found it, in one line."""
    from hydra.errors import MissingConfigException

    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        return f"{group or 'defaults'}: is unknown, got {shown(name)}; {suggest(name, options(group, folder))}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = error.__cause__
    detail = f" ({str(cause).splitlines()[0]})" if cause and str(cause) else ""
    return f"config: cannot be composed, got {shown(' '.join(lines[:2]))}{detail}; check the defaults lists"
