"""What verbs print beside results: help, the composed configuration, tables of rows."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scenarios.arguments import FLAGS, Arguments
from scenarios.errors import InputError, shown
from scenarios.usage import VERBS

if TYPE_CHECKING:
    from scenarios.studies.study import Study


def configuration(study: Study, arguments: Arguments) -> str:
    """The composed configuration, or a part of it, as YAML."""
    from scenarios.runs.store import config_text
    from scenarios.studies.resolve import follow, unknown

    if arguments.flags["--cfg"] != "job":
        raise InputError([f"arguments: is no kind of configuration, got {shown(arguments.flags['--cfg'])}; --cfg job"])
    package = arguments.flags.get("--package")
    if package is None:
        return config_text(study.config)
    path = tuple(package.split("."))
    try:
        return config_text({package: follow(study.config, path)})
    except KeyError:
        raise InputError([f"--package: is no key, got {shown(package)}; {unknown(study.config, path)}"]) from None


def info(study: Study) -> str:
    """Files of the configuration in their order, and what the study is known by."""
    lines = [f"study {study.digest}", f"business {study.business}", "files, later ones win:"]
    for layer in study.layers:
        place = f"  into {layer.package}" if layer.package else ""
        lines.append(f"  {layer.file}{place}{'  (yours)' * layer.yours}")
    return "\n".join([*lines, *(f"override {text}" for text in study.overrides)])


def run_help(config_dir: str | None) -> str:
    """Groups with their options, keys and flags of ``tobsim run``."""
    import yaml

    from scenarios.studies.compose import options
    from scenarios.studies.overrides import GROUPS
    from scenarios.studies.settings import CONF

    root = yaml.safe_load((CONF / "config.yaml").read_text("utf-8"))
    groups = [f"  {group}={'|'.join(options(group, config_dir))}" for group in GROUPS]
    keys = [f"  {key}={_yaml_line(value)}" for key, value in root.items() if key != "defaults"]
    flags = [f"  {' '.join((flag, what)).strip():20} {text}" for flag, (what, text) in FLAGS.items()]
    more = "Every key of the configuration can be set: --cfg job prints it, tobsim levers lists the levers."
    parts = [verb_help("run"), "Groups", *groups, "Keys and their defaults", *keys, "Flags", *flags, more]
    return "\n".join(parts)


def compare_help(business: str | None, config_dir: str | None) -> str:
    """Scenarios, settings and flags of ``tobsim compare``; of one business with the questions they ask."""
    import yaml

    from scenarios.studies.library import library, of_business
    from scenarios.studies.settings import CONF

    settings = yaml.safe_load((CONF / "compare" / "default.yaml").read_text("utf-8"))
    keys = [f"  compare.{key}={_yaml_line(value)}" for key, value in settings.items()]
    flags = [
        f"  {' '.join((flag, what)).strip():20} {text}" for flag, (what, text) in FLAGS.items() if flag != "--multirun"
    ]
    if business:
        names = [f"  {entry.name}: {entry.question}" for entry in of_business(business, config_dir)]
    else:
        names = [f"  {entry.name:20} {' '.join(entry.businesses)}" for entry in library(config_dir)]
    more = "Keys of tobsim run count for every plan alike; precision={metric:NAME,relative:0.02} goes on replicating."
    whose = (
        f"of {business}" if business else "and their businesses; tobsim compare business=NAME --help says what they ask"
    )
    parts = [verb_help("compare"), f"Scenarios {whose}", *names]
    return "\n".join([*parts, "Settings and their defaults", *keys, "Flags", *flags, more])


def forecast_help(config_dir: str | None) -> str:
    """Sources, presets, settings and flags of ``tobsim forecast``."""
    import yaml

    from scenarios.studies.compose import options
    from scenarios.studies.settings import CONF

    settings = yaml.safe_load((CONF / "forecast" / "default.yaml").read_text("utf-8"))
    keys = [f"  forecast.{key}={_yaml_line(value)}" for key, value in settings.items()]
    sources = [
        "  source=RUN                the monthly series of a run folder",
        "  source=[RUN,RUN]          of several, of a comparison, or of a pattern: source='runs/*'",
        "  source=FILE.csv           a long table unique_id, ds, y; also .csv.gz and .parquet",
        "  truth=true                judge the forecasts of a run by what the run did next",
        "  execution.workers=2       processes",
        "  out=DIR                   folder of the forecast; report.enabled=false: without a page",
    ]
    wanted = ("--help", "--cfg", "--package", "--config-dir")
    flags = [f"  {' '.join((flag, FLAGS[flag][0])).strip():20} {FLAGS[flag][1]}" for flag in wanted]
    presets = f"  forecast={'|'.join(options('forecast', config_dir))}"
    parts = [verb_help("forecast"), "What is forecast", *sources, "Presets", presets, "Settings and their defaults"]
    return "\n".join([*parts, *keys, "Flags", *flags])


def _yaml_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def verb_help(verb: str) -> str:
    """The line of usage of one verb and what it does."""
    call, what = VERBS[verb]
    return f"tobsim {call}\n{what}\n"


def text_table(rows: Sequence[dict[str, Any]]) -> None:
    """Rows in aligned columns."""
    if rows:
        print(aligned(rows))


def aligned(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as text in columns of equal width, under their names."""
    cells = [[*rows[0]], *([_cell(value) for value in row.values()] for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def csv_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as CSV."""
    writer = csv.DictWriter(sys.stdout, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)


def json_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as JSON."""
    print(json.dumps(rows, ensure_ascii=False, indent=1))
