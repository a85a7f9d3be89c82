"""The verb ``tobsim init``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from scenarios.arguments import parse
from scenarios.console import say
from scenarios.errors import InputError, shown, suggest
from scenarios.show import verb_help
from scenarios.usage import VERBS

KEYS = ("business",)


def init(words: Sequence[str]) -> int:
    """Write a study folder of the user's own, and say what to do with it."""
    arguments = parse(words, ("--help",))
    if arguments.has("--help"):
        return say(init_help())
    pairs = dict(word.partition("=")[::2] for word in arguments.overrides)
    problems = [
        f"arguments: is no setting of init, got {shown(key)}; {suggest(key, KEYS)}" for key in pairs if key not in KEYS
    ]
    if len(arguments.paths) != 1:
        given = " ".join(arguments.paths) or "nothing"
        problems.append(f"arguments: must name one folder, got {given}; tobsim {VERBS['init'][0]}")
    if problems:
        raise InputError(problems)
    from scenarios.studies.own import NAME, start_study

    files = start_study(arguments.paths[0], pairs.get("business", "tool"))
    return say(_next(files, NAME))


def init_help() -> str:
    """How the verb is called, and which types there are."""
    from scenarios.studies.compose import options

    lines = ["DIR must not exist, or be empty; its README.md says what to edit first.", "Types"]
    return "\n".join([verb_help("init"), *lines, f"  business={'|'.join(options('business'))}"])


def _next(files: Sequence[Path], name: str) -> str:
    """The files that were written and the commands to go on with."""
    folder = files[0].parent
    listed = [f"  {file.relative_to(folder).as_posix()}" for file in files]
    commands = [f"  cd {shlex.quote(str(folder))}", f"  tobsim run business={name} --config-dir . out=runs/first"]
    return "\n".join([str(folder), *listed, "Read README.md first, or", *commands])
