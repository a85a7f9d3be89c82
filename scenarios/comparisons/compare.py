"""Compare plans: run them on common random numbers, find what differs, how surely, and why."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.comparisons.folder import Comparison, Record, comparison_folder, read_record
from scenarios.comparisons.pairs import Pairs, Simulate, replicate_plans, tell
from scenarios.comparisons.planned import against_plan, check_planned, left_out
from scenarios.comparisons.plans import Plans, compose_plans, digest, make_plans
from scenarios.errors import user_path
from scenarios.runs.backends import ready
from scenarios.runs.manifest import now, versions
from scenarios.runs.pool import pool_of

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.studies.study import Study

Frames = dict[str, list["pd.DataFrame"]]
"""Parts of the tables of a comparison, by name, in order."""

PARQUET = ("table", "drivers", "flips")
CSV = {
    "table": "table.csv",
    "summary": "drivers.csv",
    "config": "config.csv",
    "interaction": "interaction.csv",
    "targets": "targets.csv",
    "choice": "choice.csv",
    "planned": "planned.csv",
}
"""How the tables of a comparison are stored."""


def compare(
    business: str | Sequence[str] = "tool",
    scenarios: Sequence[str | Sequence[str]] | Mapping[str, Study] = (),
    overrides: Sequence[str] = (),
    config_dir: str | os.PathLike[str] | None = None,
    out: str | Path | None = None,
) -> Comparison:
    """Compare scenarios with the first of them.

    Parameters
    ----------
    business : str or sequence of str
        One business or several.
    scenarios : sequence of str, or mapping of str to Study
        Names of scenarios, the base first; several in the place of one are compared alone and all together. Or
        studies by names of your own, business and overrides then do not count.
    overrides : sequence of str, optional
        As on the command line, for all plans alike.
    config_dir : path, optional
        A folder of the user's own options.
    out : str or Path, optional
        Folder of the comparison; ``runs/compare-<business>-<digest>`` without it.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If the plans cannot be compared; nothing was run or written.
    """
    if isinstance(scenarios, Mapping):
        return compare_plans([make_plans(scenarios)], out)
    names = [business] if isinstance(business, str) else list(business)
    return compare_plans(compose_plans(names, scenarios, overrides, config_dir), out)


def compare_plans(
    plans: Sequence[Plans], out: str | Path | None = None, *, command: str = "", simulate: Simulate | None = None
) -> Comparison:
    """Compare composed plans; what the folder holds already is not run again.

    Parameters
    ----------
    plans : sequence of Plans
        Of one business each.
    out : str or Path, optional
        Folder of the comparison.
    command : str, optional
        What the manifest names as the command.
    simulate : callable, optional
        Stands in for the simulator.
    """
    from scenarios.runs.run import check_language

    first = plans[0].studies[plans[0].base]
    check_language(first.config["report"]["language"])
    for each in plans:
        check_precision_of(each)
        check_planned(each)
    path, record = out_folder(plans, out), new_record(plans)
    record.command = command or comparison_command(plans, path)
    began = time.perf_counter()
    if not path.exists():
        ready(pool_of(first.config), path)
    with comparison_folder(path, record):
        frames: Frames = {}
        for each in plans:
            pairs = Pairs(each, path / each.business, simulate)
            replicate_plans(pairs)
            _note(record, pairs)
            for name, frame in found_in(pairs).items():
                frames.setdefault(name, []).append(frame.assign(business=each.business))
        _write(path, record, frames)
        record.status, record.versions = "complete", versions()
        record.times.update(finished=now(), seconds=round(time.perf_counter() - began, 3))
        record.write(path)
        if first.config["report"]["enabled"]:
            tell(first, "report")
            write_report(path, first.config["report"]["language"])
    return Comparison(path)


def check_precision_of(plans: Plans) -> None:
    """Refuse a precision that names no metric or no width."""
    from scenarios.runs.precision import check_precision

    check_precision(plans.studies[plans.base])


def out_folder(plans: Sequence[Plans], out: str | Path | None = None) -> Path:
    """Where a comparison goes."""
    from scenarios.errors import InputError

    chosen = out if out is not None else plans[0].studies[plans[0].base].config.get("out")
    if chosen == "":
        raise InputError(['out: is empty, got ""; a folder, or null for the default'])
    if chosen is not None:
        return user_path(chosen, "out")
    name = plans[0].business if len(plans) == 1 else f"{len(plans)}-businesses"
    return Path("runs") / f"compare-{name}-{digest(plans)[:12]}"


def new_record(plans: Sequence[Plans]) -> Record:
    """What the manifest says before anything was run."""
    base = plans[0].studies[plans[0].base]
    told: dict[str, dict[str, Any]] = {p.business: {"scenarios": list(p.studies)} for p in plans}
    for p in plans:
        told[p.business]["stacks"] = {name: list(parts) for name, parts in p.stacks.items()}
        told[p.business]["digests"] = {name: study.digest for name, study in p.studies.items()}
        told[p.business]["compare"] = json.loads(json.dumps(p.settings, default=str))
        texts = [*(w for s in p.studies.values() for w in s.warnings), *left_out(p)]
        told[p.business]["warnings"] = list(dict.fromkeys(texts))
    return Record(
        digest(plans),
        base.seed,
        told,
        level=plans[0].settings["level"],
        primary=list(plans[0].primary),
        precision=base.config["precision"],
    )


def comparison_command(plans: Sequence[Plans], path: Path) -> str:
    """The command line that makes a comparison."""
    base = plans[0].studies[plans[0].base]
    chosen = ("business=", "scenario=", "out=")
    words = [word for word in base.overrides if not word.lstrip("+").startswith(chosen)]
    business = plans[0].business if len(plans) == 1 else f"[{','.join(p.business for p in plans)}]"
    place = ["--config-dir", base.config_dir] if base.config_dir else []
    names = f"scenarios=[{','.join(_written(plans[0]))}]"
    return shlex.join(["tobsim", "compare", f"business={business}", names, *words, f"out={path}", *place])


def _written(plans: Plans) -> list[str]:
    """The plans as a command line names them."""
    return [f"[{','.join(plans.stacks[name])}]" if name in plans.stacks else name for name in plans.studies]


def _note(record: Record, pairs: Pairs) -> None:
    name = pairs.plans.business
    record.replications[name] = pairs.total
    said = pairs.stopped if len(record.businesses) == 1 else f"{name}: {pairs.stopped}"
    record.stopped = "; ".join(filter(None, [record.stopped, said]))
    record.failures += [{"business": name, **row} for row in pairs.failures]
    record.warnings += [w for w in record.businesses[name]["warnings"] if w not in record.warnings]
    for scenario, study in pairs.plans.studies.items():
        if scenario != pairs.plans.base and study.digest == pairs.plans.studies[pairs.plans.base].digest:
            record.warnings.append(f"{name}: {scenario} differs in nothing from {pairs.plans.base}")


def found_in(pairs: Pairs) -> dict[str, pd.DataFrame]:
    """Tables of the comparison of one business, without its name."""
    from analysis.compare.table import comparison
    from scenarios.comparisons.reasons import reasons

    plans, metrics = pairs.plans, pairs.metrics()
    settings = plans.settings
    frames = {"table": comparison(metrics, plans.primary, settings["level"])}
    frames |= reasons(pairs, metrics) | against_plan(pairs, metrics)
    if plans.stacks:
        from analysis.compare.interaction import interactions

        frames["interaction"] = interactions(metrics, plans.stacks, settings["level"])
    if settings["targets"]:
        from analysis.compare.targets import targets

        frames["targets"] = targets(metrics, settings["targets"], settings["level"])
    if settings["choose"]:
        from scenarios.comparisons.choosing import choose

        frames["choice"] = choose(pairs)
    return frames


def _write(path: Path, record: Record, frames: Frames) -> None:
    """Write every table of the comparison and enter it into the manifest."""
    import pandas as pd

    from scenarios.runs.derive import arrow, write_frame, write_parquet

    if "planned" not in frames:
        (path / CSV["planned"]).unlink(missing_ok=True)
    for name, parts in frames.items():
        frame = pd.concat(parts, ignore_index=True)
        frame.insert(0, "business", frame.pop("business"))
        if name in PARQUET:
            record.files[f"{name}.parquet"] = write_parquet(path / f"{name}.parquet", arrow(frame))
        if name in CSV:
            record.files[CSV[name]] = write_frame(path / CSV[name], frame)


def write_report(path: Path, language: str) -> Path:
    """Build the page of a comparison."""
    from analysis.report.comparison.build import build_comparison

    return build_comparison(path, language)


def rebuild_page(path: Path, language: str | None = None) -> Path:
    """Build the page of a comparison folder again, in the language of its base unless another is named.

    Raises
    ------
    InputError
        If the comparison is not complete, or the language has no texts.
    """
    from scenarios.errors import InputError
    from scenarios.runs.claim import read_config
    from scenarios.runs.run import check_language

    record = read_record(path)
    if record.get("status") != "complete":
        raise InputError([f"{path}: has nothing to report, got a comparison that is {record.get('status')}; finish it"])
    business, told = next(iter(record["businesses"].items()))
    chosen = language or read_config(path / business / told["scenarios"][0])["report"]["language"]
    check_language(chosen)
    return write_report(path, chosen)
