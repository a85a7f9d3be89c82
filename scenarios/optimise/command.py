"""The verb ``tobsim optimise``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.arguments import OF_EXPERIMENTS, parse
from scenarios.console import command_line, refuse_paths, say, tell_failures, warn
from scenarios.errors import InputError


def optimise(words: Sequence[str]) -> int:
    """Search the levers of an experiment, confirm the best plans on fresh seeds, show them on one screen."""
    from scenarios.optimise.screen import optimise_help, optimise_screen

    arguments = parse(words, OF_EXPERIMENTS)
    config_dir = arguments.flags.get("--config-dir")
    if arguments.has("--help"):
        return say(optimise_help(config_dir))
    refuse_paths(arguments)
    arguments, name = arguments.without("experiment")
    if not name:
        raise InputError(["experiment: is missing, got nothing; tobsim optimise experiment=NAME"])
    from scenarios.optimise.optimise import optimise as search
    from scenarios.optimise.problem import read_problem

    problem = read_problem(name, arguments.overrides, config_dir)
    if arguments.has("--cfg"):
        from scenarios.show import configuration

        return say(configuration(problem.base, arguments))
    found = search(problem, command=command_line("optimise", words))
    warn(found.record["warnings"])
    say(optimise_screen(found))
    return tell_failures([_failure(row) for row in found.record["failures"]])


def _failure(row: Mapping[str, Any]) -> str:
    """A run that failed."""
    what = "the plan as it stands" if row["role"] == "current" else f"{row['role']} {row['trial']}"
    return f"{what} replication {row['replication']}: {row['type']}: {row['message']}; again: {row['command']}"
