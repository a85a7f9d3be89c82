"""The verb ``tobsim validate source=DIR``: a study held against the months that came."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from scenarios.arguments import Arguments, parse
from scenarios.console import command_line, refuse_paths, say, tell_failures, warn
from scenarios.show import verb_help

ACTUAL = "actual"

SETTINGS = """Settings with source=DIR (docs/backtest.md)
  source=DIR             a study folder as tobsim init writes it, or a run that began from an opening
  actual=FILE.csv        months that came, and months before the start: metric, period, value; DIR/actual.csv by default
  actual.delimiter=';'   how the file is written, as for a plan: columns, values, encoding, decimal, thousands, currency
  key=value              as for tobsim run, with a study folder
"""


def backtest(words: Sequence[str]) -> int:
    """Simulate from a past on, score against what came, and show one screen."""
    arguments = parse(words, ("--help",))
    if arguments.has("--help"):
        return say(f"{verb_help('validate')}{SETTINGS}")
    refuse_paths(arguments)
    from scenarios.runs.actual import read_settings
    from scenarios.runs.backtest import backtest as score

    arguments, source = arguments.without("source")
    rest, given = _apart(arguments)
    found = score(source or "", rest, read_settings(given), command=command_line("validate", words))
    warn(found.warnings)
    from analysis.report.backtest_screen import backtest_screen

    say(backtest_screen(found.path, Path(found.file).name, found.language, colour=sys.stdout.isatty()))
    return tell_failures(
        [f"replication {row['replication']}: {row['type']}: {row['message']}" for row in found.failures]
    )


def _apart(arguments: Arguments) -> tuple[list[str], list[str]]:
    """Words for the study, and words for the file of what came."""
    given = [word for word in arguments.overrides if word.partition("=")[0].split(".")[0] == ACTUAL]
    return [word for word in arguments.overrides if word not in given], given
