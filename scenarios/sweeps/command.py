"""The verb ``tobsim sweep``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scenarios.arguments import OF_EXPERIMENTS, Arguments, parse
from scenarios.console import command_line, refuse_paths, say, tell_failures, warn
from scenarios.errors import InputError, shown
from scenarios.usage import VERBS

if TYPE_CHECKING:
    from scenarios.sweeps.points import Design


def sweep(words: Sequence[str]) -> int:
    """Run every point of an experiment, or with ``dry=true`` say what that will take."""
    from scenarios.sweeps.screen import analyses_screen, sweep_help, sweep_screen

    arguments = parse(words, OF_EXPERIMENTS)
    if arguments.has("--help"):
        return say(sweep_help(arguments.flags.get("--config-dir")))
    refuse_paths(arguments)
    arguments, dry = arguments.without("dry")
    if dry not in (None, "true", "false"):
        raise InputError([f"dry: must be true or false, got {shown(dry)}; dry=true"])
    from scenarios.sweeps.guard import check_space, estimate
    from scenarios.sweeps.sweep import check_design, run_design

    asked = _designed(arguments)
    if arguments.has("--cfg"):
        from scenarios.show import configuration

        return say(configuration(asked.base, arguments))
    path = check_design(asked)
    warn(asked.warnings)
    if dry == "true":
        found = estimate(asked)
        check_space(found, path)
        warn(filter(None, [found.warning]))
        return say(found.text)
    swept = run_design(asked, path, command=command_line("sweep", words))
    warn(text for text in swept.record["warnings"] if text not in asked.warnings)
    say("\n".join(filter(None, [sweep_screen(swept), analyses_screen(swept), str(swept.shown)])))
    return tell_failures([
        f"point {row['number']} replication {row['replication']}: {row['type']}: {row['message']}; "
        f"again: {row['command']}"
        for row in swept.record["failures"]
    ])  # fmt: skip


def _designed(arguments: Arguments) -> Design:
    """The design of the experiment that a command line names."""
    from scenarios.sweeps.experiment import read_experiment
    from scenarios.sweeps.points import design

    arguments, name = arguments.without("experiment")
    if not name:
        raise InputError([f"experiment: is missing, got nothing; tobsim {VERBS['sweep'][0]}"])
    return design(read_experiment(name, None, arguments.overrides, arguments.flags.get("--config-dir")))
