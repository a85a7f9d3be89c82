"""Command lines: flags, overrides ``key=value`` and paths, told apart without importing anything heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scenarios.errors import InputError, shown, suggest

FLAGS: dict[str, tuple[str, str]] = {
    "--help": ("", "what the command does and which groups and keys it knows"),
    "--cfg": ("job", "print the composed configuration and stop"),
    "--package": ("KEY", "with --cfg: only this part of the configuration"),
    "--info": ("", "print which files the configuration is made of and stop"),
    "--config-dir": ("DIR", "a folder of your own with groups such as business/ and scenario/"),
    "--multirun": ("", "run every combination of the values that keys list: key=1,2 or key=range(1,4)"),
}
"""Flags of verbs that compose a study: what follows them, and what they do."""

OF_EXPERIMENTS = ("--help", "--cfg", "--package", "--config-dir")
"""Those of verbs that read an experiment."""

SHORT = {
    "-h": "--help",
    "-c": "--cfg",
    "-p": "--package",
    "-i": "--info",
    "-cd": "--config-dir",
    "-m": "--multirun",
}


@dataclass(frozen=True)
class Arguments:
    """A parsed command line.

    Attributes
    ----------
    overrides : tuple of str
        Words of the form ``key=value`` and the other forms that Hydra knows (``+key=value``, ``~key``).
    paths : tuple of str
        Words that are neither a flag nor an override.
    flags : dict
        Flags that were given, with what follows them.
    """

    overrides: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)

    def has(self, flag: str) -> bool:
        """Whether a flag was given."""
        return flag in self.flags

    def without(self, key: str) -> tuple[Arguments, str | None]:
        """These arguments without override ``key``, and its last value, None if it was not given."""
        values = [word.partition("=")[2] for word in self.overrides if _key(word) == key]
        rest = tuple(word for word in self.overrides if _key(word) != key)
        return Arguments(rest, self.paths, self.flags), values[-1] if values else None


def parse(words: Sequence[str], flags: Sequence[str] = tuple(FLAGS)) -> Arguments:
    """Tell flags, overrides and paths apart.

    Parameters
    ----------
    words : sequence of str
        What follows the verb.
    flags : sequence of str
        Flags that the verb knows.

    Raises
    ------
    InputError
        For an unknown flag, or one that lacks what should follow it.
    """
    overrides: list[str] = []
    paths: list[str] = []
    given: dict[str, str] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word.startswith("-"):
            flag, value = _flag(word, waiting, flags)
            given[flag] = value
        elif "=" in word or word.startswith(("~", "+")):
            overrides.append(word)
        else:
            paths.append(word)
    return Arguments(tuple(overrides), tuple(paths), given)


def _flag(word: str, waiting: list[str], known: Sequence[str]) -> tuple[str, str]:
    name, joined, value = word.partition("=")
    flag = SHORT.get(name, name)
    if flag not in known:
        raise InputError([f"arguments: is no flag here, got {shown(word)}; {suggest(flag, known)}"])
    if not FLAGS[flag][0]:
        return flag, value
    if not joined:
        if not waiting or waiting[0].startswith("-"):
            raise InputError([f"arguments: lacks its value, got {shown(word)}; {flag} {FLAGS[flag][0]}"])
        value = waiting.pop(0)
    return flag, value


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+~")
