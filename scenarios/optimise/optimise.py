"""An optimisation: plans batch by batch, only what is missing is simulated, then the best few on fresh seeds."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scenarios.comparisons.choosing import fresh_seed
from scenarios.errors import InputError, bad_name, shown, user_path
from scenarios.optimise.folder import VERB, Optimum, Record
from scenarios.optimise.judge import DONE, Judged, Place, excesses, finalists, judged, scales
from scenarios.optimise.problem import Problem
from scenarios.optimise.search import Draft, Search, check_search
from scenarios.optimise.tables import Found, failures_frame, figure_names, key_aliases, write_tables
from scenarios.optimise.trials import Bench, Setup, Simulate
from scenarios.runs.claim import CONFIG, Owner, check_place, difference, flatten, held
from scenarios.runs.files import checksum, write_text
from scenarios.runs.halt import DiskFull, Interrupted, is_full
from scenarios.runs.manifest import now, read_entries, versions
from scenarios.runs.progress import Progress
from scenarios.runs.run import check_language
from scenarios.studies.digest import json_digest
from scenarios.sweeps.folder import COMPLETE, as_written
from scenarios.sweeps.points import engine_version

TRIALS, CONFIRM, CURRENT = "trials", "confirm", "current"
"""Folders of the files of jobs."""

PAGE = "page"
"""Status of the manifest while the page is made of it."""

CHECKED = 0.05
"""What the intervals of all figures of all confirmed plans together may miss (Bonferroni)."""


def optimise(
    problem: Problem, out: str | Path | None = None, *, command: str = "", simulate: Simulate | None = None
) -> Optimum:
    """Search the levers of a problem; what the folder holds already is not simulated again.

    Parameters
    ----------
    problem : Problem
        As ``read_problem`` gives it.
    out : str or Path, optional
        Folder of the optimisation; by default the ``out`` of the study, and without that
        ``runs/optimise-<business>-<experiment>-<digest>`` in the current folder.
    command : str, optional
        What the manifest names as the command.
    simulate : callable, optional
        Stands in for the simulator.

    Returns
    -------
    Optimum

    Raises
    ------
    InputError
        If the problem cannot be searched or the folder is of something else; nothing was run or written.
    Interrupted
        On Ctrl-C.
    DiskFull
        When the disk is full.
    """
    path = check_problem(problem, out)
    record = new_record(problem)
    record.command = command or optimise_command(problem, path)
    with held(path, record.owner):
        if as_written(path, record.design) is not None:
            return Optimum(path)
        work = _Work(problem, path, simulate)
        try:
            _prepare(problem, path, record)
            _finish(work, record)
        except KeyboardInterrupt:
            raise Interrupted(path, *work.counts()) from None
        except OSError as error:
            if not is_full(error):
                raise
            raise DiskFull(path, *work.counts()) from None
    return Optimum(path)


def check_problem(problem: Problem, out: str | Path | None = None) -> Path:
    """The folder of an optimisation, if it may run there; more trials may be added to one, and another confirmation.

    Raises
    ------
    InputError
        For a place that is not free and not the folder of this optimisation, or a problem that cannot be searched.
    """
    path = out_folder(problem, out)
    check_language(problem.study.config["report"]["language"])
    check_search(problem)
    owner = Owner(VERB, "optimisation", "optimisation", json_digest(_own(problem)))
    check_place(path, owner, lambda: _other(path, problem))
    return path


def out_folder(problem: Problem, out: str | Path | None = None) -> Path:
    """Where an optimisation goes.

    Raises
    ------
    InputError
        For an empty name, or one that cannot be part of a path.
    """
    chosen = out if out is not None else problem.base.config.get("out")
    if chosen == "":
        raise InputError(['out: is empty, got ""; a folder, or null for the default'])
    if chosen is not None:
        return user_path(chosen, "out")
    for where, name in (("business.name", problem.business), ("experiment", problem.name)):
        if reason := bad_name(name):
            raise InputError([f"{where}: {reason}"])
    return Path("runs") / f"{VERB}-{problem.business}-{problem.name}-{problem.base.digest[:12]}"


def fixed_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that may not change when an optimisation goes on: all but trials, confirmation and label."""
    found = {name: value for name, value in settings.items() if name not in ("confirm", "label")}
    return found | {"budget": {name: value for name, value in settings["budget"].items() if name != "trials"}}


def _other(path: Path, problem: Problem) -> str:
    """In what the optimisation of a folder differs."""
    if texts := difference(path, problem.base):
        return ", ".join(texts)
    there = read_entries(path)
    if there.get("experiment") != problem.name:
        return f"experiment {there.get('experiment')} there and {problem.name} here"
    known = {name: there["settings"].get(name) for name in problem.settings}
    old, new = (flatten(fixed_settings(each)) for each in (known, problem.settings))
    keys = [key for key in dict.fromkeys([*new, *old]) if old.get(key) != new.get(key)]
    texts = [f"experiment.{key} {shown(old.get(key))} there and {shown(new.get(key))} here" for key in keys[:4]]
    return ", ".join(texts) or "an input file or the number of replications differs"


def _own(problem: Problem) -> list[Any]:
    """What the folder of an optimisation is known by."""
    return [problem.base.digest, problem.name, problem.replications, fixed_settings(problem.settings)]


def new_record(problem: Problem) -> Record:
    """What the manifest says before anything was run."""
    own = _own(problem)
    found = Record(json_digest(own), problem.name, problem.business, problem.study.seed)
    found.settings = dict(problem.settings) | {"replications": problem.replications, "scenario": problem.scenario}
    found.engine, found.versions = engine_version(), versions()
    found.design = json_digest([own, problem.settings["budget"], problem.settings["confirm"], found.engine])
    found.keys, found.times = key_aliases(problem), {"started": now()}
    objectives, limits = figure_names(problem)
    found.objectives = [
        {"column": column, "metric": each.quantity.metric, "period": each.quantity.period, "unit": each.quantity.unit,
         "largest": each.goal.largest, "measure": each.goal.measure, "level": each.goal.level}
        for column, each in zip(objectives, problem.objectives, strict=True)
    ]  # fmt: skip
    found.constraints = [
        {"column": column, "metric": each.quantity.metric, "period": each.quantity.period, "unit": each.quantity.unit,
         "bound": each.limit.bound, "least": each.limit.least, "probability": each.limit.probability,
         "text": each.text}
        for column, each in zip(limits, problem.conditions, strict=True)
    ]  # fmt: skip
    found.warnings = list(dict.fromkeys([*problem.warnings, *problem.study.warnings]))
    return found


def _prepare(problem: Problem, path: Path, record: Record) -> None:
    from scenarios.runs.store import config_text

    record.write(path)
    write_text(path / CONFIG, config_text(problem.base.config))


def _finish(work: _Work, record: Record) -> None:
    """Search, confirm, write the tables and the manifest that says so."""
    began = time.perf_counter()
    found = work.search_and_confirm()
    record.files = write_tables(work.path, found)
    record.failures = failures_frame(found).astype(object).to_dict("records")
    record.warnings = list(dict.fromkeys([*record.warnings, *work.warnings, *_warnings(found)]))
    record.trials, record.replications, record.status = len(found.trials), work.counts()[0], COMPLETE
    record.times.update(finished=now(), seconds=round(time.perf_counter() - began, 3))
    report = work.problem.study.config["report"]
    if report["enabled"]:
        record.status = PAGE
        record.write(work.path)
        page = rebuild_page(work.path, report["language"])
        record.files[page.name] = {"checksum": checksum(page)}
        record.status = COMPLETE
    record.write(work.path)


def rebuild_page(path: Path, language: str | None = None) -> Path:
    """Write the page of an optimisation again.

    Raises
    ------
    InputError
        If there are no texts for the language.
    """
    from analysis.report.optimise.build import build_optimise
    from analysis.report.strings import MissingText

    try:
        return build_optimise(path, language or "en")
    except MissingText as error:
        raise InputError([f"report.language: lacks texts, got {shown(language)} ({error}); en"]) from None


def _warnings(found: Found) -> Iterator[str]:
    for each in [found.now, *found.trials, *(other for _, other in found.pairs)]:
        yield from each.tried.warnings
    undefined = sum(each.status not in (DONE, "failed") for each in found.trials)
    if undefined:
        yield f"{undefined} of {len(found.trials)} trials have an objective without a value; they are left out"
    if found.pairs and not any(each.feasible for each in found.trials):
        yield "no trial keeps all constraints; those that miss them least were simulated again"


class _Work:
    """One optimisation under way."""

    def __init__(self, problem: Problem, path: Path, simulate: Simulate | None) -> None:
        self.problem, self.path, self.warnings = problem, path, list[str]()
        settings, config = problem.settings, problem.study.config
        self._benches = [
            Bench(problem, Setup(path / folder, seed, replications, problem.draws(number, place),
                                 int(config["execution"]["workers"]), simulate))
            for folder, seed, replications, number, place in (
                (TRIALS, problem.study.seed, problem.replications, settings["budget"]["draws"], settings["seed"]),
                (CONFIRM, fresh_seed(problem.study.seed), settings["confirm"]["replications"],
                 settings["confirm"]["draws"], fresh_seed(settings["seed"])),
            )
        ]  # fmt: skip

    def counts(self) -> tuple[int, int]:
        """Replications that are there, and all that were asked for so far."""
        for bench in self._benches:
            bench.refresh()
        return sum(bench.done for bench in self._benches), sum(bench.asked for bench in self._benches)

    def search_and_confirm(self) -> Found:
        """All that the tables hold."""
        budget = self.problem.settings["budget"]["trials"]
        with Progress(budget, shown=bool(self.problem.study.config.get("progress", True)), what="trials") as progress:
            (tried,) = self._benches[0].run(CURRENT, [{}])
            current = judged(self.problem, Place(None), {}, tried)
            scale = scales(self.problem, current)
            trials = self._search(scale, progress.count)
            progress.stage("fresh seeds")
            chosen = finalists(self.problem, trials, scale, self.problem.settings["confirm"]["finalists"])
            return self._confirmed(current, trials, chosen)

    def _search(self, scale: Sequence[float], count: Callable[[], None]) -> list[Judged]:
        """Batches of one size, whatever the number of workers, so that the sampler knows the same of each."""
        search, found = Search(self.problem), list[Judged]()
        budget = self.problem.settings["budget"]
        while len(found) < budget["trials"]:
            drafts = search.ask(min(budget["batch"], budget["trials"] - len(found)))
            if not drafts:
                self.warnings.append(f"the constraints between keys admit no more plans after {len(found)} trials")
                break
            for draft, each in self._batch(drafts, found):
                if each.status == DONE:
                    values = [estimate.value for estimate in each.estimates]
                    search.tell(draft.handle, values, excesses(self.problem, each, scale))
                else:
                    search.skip(draft.handle)
                count()
        return found

    def _batch(self, drafts: Sequence[Draft], found: list[Judged]) -> list[tuple[Draft, Judged]]:
        number = len(found) // self.problem.settings["budget"]["batch"]
        plans = [draft.chosen for draft in drafts]
        rows = zip(drafts, self._benches[0].run(f"{number:05d}", plans), strict=True)
        made = []
        for draft, tried in rows:
            each = judged(self.problem, Place(len(found), number), draft.chosen, tried)
            found.append(each)
            made.append((draft, each))
        return made

    def _confirmed(self, current: Judged, trials: list[Judged], chosen: Sequence[Judged]) -> Found:
        figures = len(self.problem.objectives) + len(self.problem.conditions)
        level = 1 - CHECKED / ((len(chosen) + 1) * figures)
        tried = self._benches[1].run("finalists", [*(each.chosen for each in chosen), {}])
        again = [judged(self.problem, Place(one.number), one.chosen, other, level)
                 for one, other in zip([*chosen, current], tried, strict=True)]  # fmt: skip
        return Found(self.problem, current, trials, again[-1], list(zip(chosen, again[:-1], strict=True)), level)


def optimise_command(problem: Problem, path: Path) -> str:
    """The command line that makes an optimisation."""
    words = [word for word in problem.base.overrides if not word.lstrip("+").startswith("out=")]
    place = ["--config-dir", problem.base.config_dir] if problem.base.config_dir else []
    return shlex.join(["tobsim", VERB, f"experiment={problem.name}", *words, f"out={path}", *place])
