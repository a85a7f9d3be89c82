"""What each verb of ``tobsim`` does with its words; results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.arguments import FLAGS, Arguments, parse
from scenarios.cli import DONE, FAILED, VERBS
from scenarios.errors import InputError, shown, suggest
from scenarios.show import (
    SWEEP_FLAGS,
    compare_help,
    configuration,
    csv_table,
    forecast_help,
    info,
    json_table,
    run_help,
    sweep_help,
    sweep_screen,
    text_table,
    verb_help,
)

if TYPE_CHECKING:
    from scenarios.runs.result import Result
    from scenarios.studies.study import Study
    from scenarios.sweeps.points import Design

LEVER_FORMATS = ("text", "csv", "json")


def run(words: Sequence[str]) -> int:
    """``tobsim run``: simulate, store, forecast, report, and show one screen."""
    arguments = parse(words)
    if arguments.has("--help"):
        return _say(run_help(arguments.flags.get("--config-dir")))
    _no_paths(arguments)
    if arguments.has("--multirun"):
        return _many(arguments, words)
    study = _compose(arguments)
    if arguments.has("--cfg"):
        return _say(configuration(study, arguments))
    if arguments.has("--info"):
        return _say(info(study))
    return _one(study, None, _command("run", words))


def _compose(arguments: Arguments) -> Study:
    from scenarios.studies.compose import compose

    return compose(overrides=arguments.overrides, config_dir=arguments.flags.get("--config-dir"))


def _one(study: Study, out: Path | None, command: str) -> int:
    """Run one study and show what came of it."""
    from scenarios.runs.run import run as run_study

    _warn(study.warnings)
    result = run_study(study, out, command=command)
    _warn(text for text in result.manifest.warnings if text not in study.warnings)
    if result.manifest.replications > study.replications:
        _warn([f"{result.path} holds {result.manifest.replications} replications already; all of them are shown"])
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
        _say(f"job {job.number + 1} of {len(found)}: {' '.join(job.chosen)}")
        codes.append(_one(job.study, base / str(job.number), _command("run", words)))
    return max(codes, default=DONE)


def _screen(result: Result, language: str) -> None:
    from analysis.report.screen import screen

    _say(screen(result.path, language, colour=sys.stdout.isatty()))


def _failures(failures: Sequence[dict[str, Any]]) -> int:
    """List the replications that failed."""
    for row in failures:
        text = f"{row['type']}: {row['message']}; seed {row['seed']}, again: {row['command']}"
        print(f"failed: replication {row['replication']}: {text}", file=sys.stderr)
    return FAILED if failures else DONE


def compare(words: Sequence[str]) -> int:
    """``tobsim compare``: plans against the first one, on one screen."""
    arguments = parse(words, tuple(flag for flag in FLAGS if flag != "--multirun"))
    if arguments.has("--help"):
        return _say(compare_help(arguments.without("business")[1], arguments.flags.get("--config-dir")))
    _no_paths(arguments)
    from scenarios.comparisons.compare import compare_plans
    from scenarios.comparisons.plans import compose_plans

    arguments, business = arguments.without("business")
    arguments, scenarios = arguments.without("scenarios")
    names = _listed("business", business or "tool"), _listed("scenarios", scenarios or "[]")
    plans = compose_plans(*names, arguments.overrides, arguments.flags.get("--config-dir"))
    base = plans[0].studies[plans[0].base]
    if arguments.has("--cfg"):
        return _say(configuration(base, arguments))
    if arguments.has("--info"):
        return _say("\n".join(info(study) for each in plans for study in each.studies.values()))
    found = compare_plans(plans, command=_command("compare", words))
    _warn(found.record["warnings"])
    _say(_comparison_screen(found.path, base.config["report"]["language"]))
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


def sweep(words: Sequence[str]) -> int:
    """``tobsim sweep``: every point of an experiment, or with ``dry=true`` what that will take."""
    arguments = parse(words, SWEEP_FLAGS)
    if arguments.has("--help"):
        return _say(sweep_help(arguments.flags.get("--config-dir")))
    _no_paths(arguments)
    arguments, dry = arguments.without("dry")
    if dry not in (None, "true", "false"):
        raise InputError([f"dry: must be true or false, got {shown(dry)}; dry=true"])
    from scenarios.sweeps.guard import check_space, estimate
    from scenarios.sweeps.sweep import check_design, run_design

    asked = _designed(arguments)
    if arguments.has("--cfg"):
        return _say(configuration(asked.base, arguments))
    path = check_design(asked)
    if dry == "true":
        found = estimate(asked)
        check_space(found, path)
        return _say(found.text)
    swept = run_design(asked, path, command=_command("sweep", words))
    _warn(swept.record["warnings"])
    _say(sweep_screen(swept))
    return _unswept(swept.record["failures"])


def _designed(arguments: Arguments) -> Design:
    """The design of the experiment that a command line names."""
    from scenarios.sweeps.experiment import read_experiment
    from scenarios.sweeps.points import design

    arguments, name = arguments.without("experiment")
    if not name:
        raise InputError([f"experiment: is missing, got nothing; tobsim {VERBS['sweep'][0]}"])
    return design(read_experiment(name, None, arguments.overrides, arguments.flags.get("--config-dir")))


def _unswept(failures: Sequence[dict[str, Any]]) -> int:
    """List the runs that failed."""
    for row in failures:
        text = f"{row['type']}: {row['message']}; again: {row['command']}"
        print(f"failed: point {row['point']} replication {row['replication']}: {text}", file=sys.stderr)
    return FAILED if failures else DONE


def forecast(words: Sequence[str]) -> int:
    """``tobsim forecast``: series of runs or of a file, on one screen."""
    arguments = parse(words, ("--help", "--cfg", "--package", "--config-dir"))
    if arguments.has("--help"):
        return _say(forecast_help(arguments.flags.get("--config-dir")))
    _no_paths(arguments)
    from scenarios.forecasts.forecast import forecast as make
    from scenarios.forecasts.forecast import settings_of

    arguments, source = arguments.without("source")
    arguments, truth = arguments.without("truth")
    config_dir = arguments.flags.get("--config-dir")
    if truth not in (None, "true", "false"):
        raise InputError([f"truth: must be true or false, got {shown(truth)}; truth=true"])
    if arguments.has("--cfg"):
        return _say(configuration(settings_of(arguments.overrides, config_dir), arguments))
    if not source:
        raise InputError([f"source: is missing, got nothing; tobsim {VERBS['forecast'][0]}"])
    given = _listed("source", source) if source.startswith("[") else source
    found = make(given, arguments.overrides, config_dir, truth=truth == "true", command=_command("forecast", words))
    _warn(found.warnings)
    _say(_forecasts_screen(found.path, found.record["language"]))
    return _unforecast(found.record["failures"])


def _forecasts_screen(path: Path, language: str) -> str:
    from analysis.report.forecasts.screen import forecasts_screen

    return forecasts_screen(path, language, colour=sys.stdout.isatty())


def _unforecast(failures: Sequence[dict[str, Any]]) -> int:
    """List the series that could not be forecast."""
    for row in failures:
        print(f"failed: series {shown(row['unique_id'])}: {row['reason']}", file=sys.stderr)
    return FAILED if failures else DONE


def levers(words: Sequence[str]) -> int:
    """``tobsim levers``: every lever of a business."""
    arguments, form = parse(words, ("--help", "--config-dir")).without("format")
    if arguments.has("--help"):
        return _say(verb_help("levers"))
    _no_paths(arguments)
    form = form or "text"
    if form not in LEVER_FORMATS:
        raise InputError([f"format: is unknown, got {shown(form)}; {suggest(form, LEVER_FORMATS)}"])
    from scenarios.studies.levers import levers as table

    rows = table(_compose(arguments))
    {"text": text_table, "csv": csv_table, "json": json_table}[form](rows)
    return DONE


def report(words: Sequence[str]) -> int:
    """``tobsim report``: build the report of a run, a comparison or a forecast again."""
    settings, path = _run_path("report", words, ("report.language",))
    if path is None:
        return DONE
    from scenarios.comparisons.folder import is_comparison

    if is_comparison(path):
        from scenarios.comparisons.compare import rebuild_page

        return _say(str(rebuild_page(path, settings.get("report.language"))))
    from scenarios.forecasts.folder import is_forecast

    if is_forecast(path):
        from scenarios.forecasts.forecast import rebuild_page as rebuild_forecast

        return _say(str(rebuild_forecast(path, settings.get("report.language"))))
    from scenarios.runs.run import rebuild_report

    return _say(str(rebuild_report(path, settings.get("report.language"))))


def validate(words: Sequence[str]) -> int:
    """``tobsim validate``: check the books and the files of a run."""
    _, path = _run_path("validate", words)
    if path is None:
        return DONE
    from scenarios.comparisons.folder import is_comparison
    from scenarios.comparisons.reproduce import validate_comparison
    from scenarios.runs.validate import validate as validate_run

    checks = validate_comparison(path) if is_comparison(path) else validate_run(path)
    text_table([{"check": c.name, "holds": "yes" if c.holds else "NO", "found": c.detail} for c in checks])
    return DONE if all(c.holds for c in checks) else FAILED


def reproduce(words: Sequence[str]) -> int:
    """``tobsim reproduce``: run it again and compare."""
    settings, path = _run_path("reproduce", words, ("execution.workers", "progress"))
    if path is None:
        return DONE
    from scenarios.comparisons.folder import is_comparison
    from scenarios.comparisons.reproduce import reproduce_comparison
    from scenarios.runs.reproduce import reproduce as reproduce_run

    again = reproduce_comparison if is_comparison(path) else reproduce_run
    found = again(path, settings.get("execution.workers"), quiet=settings.get("progress") == "false")
    _warn(found.notes)
    _say(found.text)
    return DONE if found.identical else FAILED


def export(words: Sequence[str]) -> int:
    """``tobsim export``: hand the tables of a run to other programs."""
    settings, path = _run_path("export", words, ("format", "replication"))
    if path is None:
        return DONE
    from scenarios.runs.export import export as write

    return _say(str(write(path, settings.get("format", "csv"), settings.get("replication"))))


def _run_path(verb: str, words: Sequence[str], keys: Sequence[str] = ()) -> tuple[dict[str, str], Path | None]:
    """The run folder a verb is given and its settings; no folder if help was asked for and given."""
    arguments = parse(words, ("--help",))
    if arguments.has("--help"):
        _say(verb_help(verb))
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


def _no_paths(arguments: Arguments) -> None:
    if arguments.paths:
        text = "is no override, got {}; key=value, for example business=tool"
        raise InputError([f"arguments: {text.format(shown(path))}" for path in arguments.paths])


def _command(verb: str, words: Sequence[str]) -> str:
    import shlex

    return shlex.join(["tobsim", verb, *words])


def _say(text: str) -> int:
    print(text.rstrip("\n"), flush=True)
    return DONE


def _warn(texts: Any) -> None:
    for text in texts:
        print(f"warning: {text}", file=sys.stderr)
