"""What verbs say: results to stdout, everything else to stderr."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence

from scenarios.arguments import Arguments
from scenarios.errors import InputError, shown
from scenarios.usage import DONE, FAILED


def say(text: str) -> int:
    """Print a result; the exit code of a verb that is done."""
    print(text.rstrip("\n"), flush=True)
    return DONE


def warn(texts: Iterable[str]) -> None:
    """Print what is possible and probably not meant."""
    for text in texts:
        print(f"warning: {text}", file=sys.stderr)


def tell_failures(lines: Sequence[str]) -> int:
    """Print what failed; the exit code that goes with it."""
    for line in lines:
        print(f"failed: {line}", file=sys.stderr)
    return FAILED if lines else DONE


def command_line(verb: str, words: Sequence[str]) -> str:
    """The command as it was typed, for the manifest."""
    return shlex.join(["tobsim", verb, *words])


def refuse_paths(arguments: Arguments) -> None:
    """Refuse words that are no overrides.

    Raises
    ------
    InputError
    """
    if arguments.paths:
        text = "is no override, got {}; key=value, for example business=tool"
        raise InputError([f"arguments: {text.format(shown(path))}" for path in arguments.paths])
