"""What each verb of ``tobsim`` does with its words; results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.arguments import FLAGS, Arguments, parse
from scenarios.begin import init
from scenarios.console import command_line, refuse_paths, say, tell_failures, warn
from scenarios.errors import InputError, shown, suggest
from scenarios.optimise.command import optimise
from scenarios.scoring import backtest
from scenarios.show import (
    compare_help,
    configuration,
    csv_table,
    forecast_help,
    info,
    json_table,
    run_help,
    text_table,
    verb_help,
)
from scenarios.sweeps.command import sweep
from scenarios.usage import DONE, FAILED, VERBS

if TYPE_CHECKING:
    from scenarios.runs.result import Result
    from scenarios.studies.study import Study

__all__ = [
    "compare", "export", "forecast", "init", "levers", "optimise", "report", "reproduce", "run", "sweep", "validate",
]  # fmt: skip

LEVER_FORMATS = ("text", "csv", "json")


def run(words: Sequence[str]) -> int:
    """``tobsim run``: simulate, store, forecast, report, and show one screen."""
    arguments = parse(words)
    if arguments.has("--help"):
        return say(run_help(arguments.flags.get("--config-dir")))
    refuse_paths(arguments)
    if arguments.has("--multirun"):
        return _many(arguments, words)
    study = _compose(arguments)
    if arguments.has("--cfg"):
        return say(configuration(study, arguments))
    if arguments.has("--info"):
        return say(info(study))
    return _one(study, None, command_line("run", words))


def _compose(arguments: Arguments) -> Study:
    from scenarios.studies.compose import compose

    return compose(overrides=arguments.overrides, config_dir=arguments.flags.get("--config-dir"))


def _one(study: Study, out: Path | None, command: str) -> int:
    """Run one study and show what came of it."""
    from scenarios.runs.run import run as run_study

    warn(study.warnings)
    result = run_study(study, out, command=command)
    warn(text for text in result.manifest.warnings if text not in study.warnings)
    if result.manifest.replications > study.replications and not study.config["precision"]:
        warn([f"{result.path} holds {result.manifest.replications} replications already; all of them are shown"])
    if result.manifest.replications:
        _screen(result, study.config["report"]["language"])
    return _failures(result.failures)


def _many(arguments: Arguments, words: Sequence[str]) -> int:
    from scenarios.runs.claim import check_out
    from scenarios.runs.multirun import base_folder, jobs

    found = jobs(arguments.overrides, arguments.flags.get("--config-dir"))
    base = base_folder(found)
    for job in found:
        check_out(base / str(job.number), job.study, "run")
    codes = []
    for job in found:
        say(f"job {job.number + 1} of {len(found)}: {' '.join(job.chosen)}")
        codes.append(_one(job.study, base / str(job.number), command_line("run", words)))
    return max(codes, default=DONE)


def _screen(result: Result, language: str) -> None:
    from analysis.report.screen import screen

    say(screen(result.path, language, colour=sys.stdout.isatty()))


def _failures(failures: Sequence[dict[str, Any]]) -> int:
    """List the replications that failed."""
    return tell_failures([
        f"replication {row['replication']}: {row['type']}: {row['message']}; seed {row['seed']}, "
        f"again: {row['command']}"
        for row in failures
    ])  # fmt: skip


def compare(words: Sequence[str]) -> int:
    """``tobsim compare``: plans against the first one, on one screen."""
    arguments = parse(words, tuple(flag for flag in FLAGS if flag != "--multirun"))
    if arguments.has("--help"):
        return say(compare_help(arguments.without("business")[1], arguments.flags.get("--config-dir")))
    refuse_paths(arguments)
    from scenarios.comparisons.compare import compare_plans
    from scenarios.comparisons.plans import compose_plans

    arguments, business = arguments.without("business")
    arguments, scenarios = arguments.without("scenarios")
    names = _listed("business", business or "tool"), _listed("scenarios", scenarios or "[]")
    plans = compose_plans(*names, arguments.overrides, arguments.flags.get("--config-dir"))
    base = plans[0].studies[plans[0].base]
    if arguments.has("--cfg"):
        return say(configuration(base, arguments))
    if arguments.has("--info"):
        return say("\n".join(info(study) for each in plans for study in each.studies.values()))
    found = compare_plans(plans, command=command_line("compare", words))
    warn(found.record["warnings"])
    say(_comparison_screen(found.path, base.config["report"]["language"]))
    return _failures(found.failures)


def _listed(key: str, text: str) -> list[Any]:
    """Names as a command line lists them: ``a`` or ``[a,b]``, lists within as they are."""
    from scenarios.studies.overrides import read_overrides

    settings, problems = read_overrides([f"names={text}"])
    if problems:
        raise InputError([f"{key}: cannot be read, got {shown(text)}; {key}=[baseline,NAME]"])
    value = settings[0].value
    return [name if isinstance(name, list) else str(name) for name in (value if isinstance(value, list) else [value])]


def _comparison_screen(path: Path, language: str) -> str:
    from analysis.report.comparison.screen import comparison_screen

    return comparison_screen(path, language, colour=sys.stdout.isatty())


def forecast(words: Sequence[str]) -> int:
    """``tobsim forecast``: series of runs or of a file, on one screen."""
    arguments = parse(words, ("--help", "--cfg", "--package", "--config-dir"))
    if arguments.has("--help"):
        return say(forecast_help(arguments.flags.get("--config-dir")))
    refuse_paths(arguments)
    from scenarios.forecasts.forecast import forecast as make
    from scenarios.forecasts.forecast import settings_of

    arguments, source = arguments.without("source")
    arguments, truth = arguments.without("truth")
    config_dir = arguments.flags.get("--config-dir")
    if truth not in (None, "true", "false"):
        raise InputError([f"truth: must be true or false, got {shown(truth)}; truth=true"])
    if arguments.has("--cfg"):
        return say(configuration(settings_of(arguments.overrides, config_dir), arguments))
    if not source:
        raise InputError([f"source: is missing, got nothing; tobsim {VERBS['forecast'][0]}"])
    given = _listed("source", source) if source.startswith("[") else source
    found = make(given, arguments.overrides, config_dir, truth=truth == "true", command=command_line("forecast", words))
    warn(found.warnings)
    say(_forecasts_screen(found.path, found.record["language"]))
    return _unforecast(found.record["failures"])


def _forecasts_screen(path: Path, language: str) -> str:
    from analysis.report.forecasts.screen import forecasts_screen

    return forecasts_screen(path, language, colour=sys.stdout.isatty())


def _unforecast(failures: Sequence[dict[str, Any]]) -> int:
    """List the series that could not be forecast."""
    return tell_failures([f"series {shown(row['unique_id'])}: {row['reason']}" for row in failures])


def levers(words: Sequence[str]) -> int:
    """``tobsim levers``: every lever of a business."""
    arguments, form = parse(words, ("--help", "--config-dir")).without("format")
    if arguments.has("--help"):
        return say(verb_help("levers"))
    refuse_paths(arguments)
    form = form or "text"
    if form not in LEVER_FORMATS:
        raise InputError([f"format: is unknown, got {shown(form)}; {suggest(form, LEVER_FORMATS)}"])
    from scenarios.studies.levers import levers as table

    rows = table(_compose(arguments))
    {"text": text_table, "csv": csv_table, "json": json_table}[form](rows)
    return DONE


def report(words: Sequence[str]) -> int:
    """``tobsim report``: build the page of a result again."""
    settings, path = _run_path("report", words, ("report.language",))
    if path is None:
        return DONE
    from scenarios.reproduction import rebuild_page

    return say(str(rebuild_page(path, settings.get("report.language"))))


def validate(words: Sequence[str]) -> int:
    """``tobsim validate``: check the books and the files of a result, or hold a study against the months that came."""
    if any(word.startswith("source=") or word in ("--help", "-h") for word in words):
        return backtest(words)
    _, path = _run_path("validate", words)
    if path is None:
        return DONE
    from scenarios.reproduction import validate as check

    checks = check(path)
    text_table([{"check": c.name, "holds": "yes" if c.holds else "NO", "found": c.detail} for c in checks])
    return DONE if all(c.holds for c in checks) else FAILED


def reproduce(words: Sequence[str]) -> int:
    """``tobsim reproduce``: make it again and compare."""
    settings, path = _run_path("reproduce", words, ("execution.workers", "points", "progress"))
    if path is None:
        return DONE
    from scenarios.reproduction import reproduce as again

    quiet = settings.get("progress") == "false"
    found = again(path, settings.get("execution.workers"), settings.get("points"), quiet=quiet)
    warn(found.notes)
    say(found.text)
    return DONE if found.identical else FAILED


def export(words: Sequence[str]) -> int:
    """``tobsim export``: hand the tables of a run to other programs, or a result to other people."""
    keys = ("format", "replication", "date", "out", "again", "progress")
    settings, path = _run_path("export", words, keys)
    if path is None:
        return DONE
    from scenarios.runs.export import BUNDLE, CSV, check_settings

    form = settings.get("format", CSV)
    check_settings(form, settings)
    if form == BUNDLE:
        from scenarios.bundles import bundle

        return say(str(bundle(path, settings.get("out"))))
    from scenarios.runs.export import export as write

    quiet, chosen = settings.get("progress") == "false", {name: settings.get(name) for name in ("again", "date")}
    return say(str(write(path, form, settings.get("replication"), progress=not quiet, **chosen)))


def _run_path(verb: str, words: Sequence[str], keys: Sequence[str] = ()) -> tuple[dict[str, str], Path | None]:
    """The run folder a verb is given and its settings; no folder if help was asked for and given."""
    arguments = parse(words, ("--help",))
    if arguments.has("--help"):
        say(verb_help(verb))
        return {}, None
    pairs = dict(word.partition("=")[::2] for word in arguments.overrides)
    unknown = [key for key in pairs if key not in keys]
    problems = [f"arguments: is no setting of {verb}, got {shown(key)}; {suggest(key, keys)}" for key in unknown]
    if len(arguments.paths) != 1:
        given = " ".join(arguments.paths) or "nothing"
        problems.append(f"arguments: must name one run folder, got {given}; tobsim {VERBS[verb][0]}")
    if problems:
        raise InputError(problems)
    return pairs, Path(arguments.paths[0])
