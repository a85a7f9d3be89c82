"""The command line as published: verbs, flags, exit codes, what goes where."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from scenarios.arguments import parse
from scenarios.cli import DONE, VERBS, WRONG, main, usage
from scenarios.errors import InputError
from scenarios.runs.manifest import read_manifest
from scenarios.runs.multirun import expand
from scenarios.runs.progress import Progress, duration
from scenarios.runs.replicate import Outcome

ROOT = Path(__file__).parents[2]
QUICK = ["report.enabled=false", "forecast.enabled=false"]
TINY = ["market.accounts=60", "horizon.days=90", "replications=2", *QUICK]
HEAVY = {"numpy", "pandas", "pyarrow", "scipy", "statsmodels", "plotly", "hydra", "omegaconf", "simpy", "joblib"}


def python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, *words], env=settings, capture_output=True, text=True, check=False)


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run a command line in a folder of its own: exit code, lines of stdout, lines of stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, list[str], list[str]]:
        code = main(words)
        shown = capsys.readouterr()
        return code, shown.out.splitlines(), shown.err.splitlines()

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run with a report."""
    path = tmp_path_factory.mktemp("cli") / "run"
    assert main(["run", "business=tool", *TINY, "report.enabled=true", "progress=false", f"out={path}"]) == DONE
    return path


def test_the_list_of_verbs_is_quick_and_imports_nothing_heavy():
    code = "import sys; from scenarios.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    for words in ([], ["--help"], ["-h"]):
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            shown = python("-c", code, *words)
            seconds.append(time.perf_counter() - began)
        assert shown.stdout == usage()
        assert not HEAVY & {name.split(".")[0] for name in shown.stderr.split()}
        assert min(seconds) < 0.5


def test_the_module_is_the_command():
    shown = python("-m", "scenarios")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, usage(), "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(call, verb):
    code, out, err = call(verb, "--help")
    assert (code, err) == (DONE, [])
    assert out[0] == f"tobsim {VERBS[verb][0]}"


def test_help_of_run_lists_groups_keys_and_flags(call):
    _, out, _ = call("run", "-h")
    text = "\n".join(out)
    for piece in ("business=cloud|hardware|", "scenario=", "replications=20", "--config-dir DIR", "--multirun"):
        assert piece in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["runn"], 'error: arguments: is no verb, got "runn"; did you mean run?'),
        (["business=tool"], 'error: arguments: is no verb, got "business=tool"; tobsim run business=tool'),
        (["run", "--hlp"], 'error: arguments: is no flag here, got "--hlp"; did you mean --help?'),
        (["run", "--config-dir"], 'error: arguments: lacks its value, got "--config-dir"; --config-dir DIR'),
        (["run", "tool"], 'error: arguments: is no override, got "tool"; key=value, for example business=tool'),
        (["run", "--cfg", "hydra"], 'error: arguments: is no kind of configuration, got "hydra"; --cfg job'),
        (["run", "--cfg", "job", "-p", "polcy"], 'error: --package: is no key, got "polcy"; did you mean policy?'),
        (["levers", "format=xml"], 'error: format: is unknown, got "xml"; one of csv, json, text'),
        (["levers", "-m"], 'error: arguments: is no flag here, got "-m"; one of --config-dir, --help'),
        (["report"], "error: arguments: must name one run folder, got nothing; tobsim report RUN"),
        (
            ["validate", "a", "b"],
            "error: arguments: must name one run folder, got a b; "
            "tobsim validate RUN|BUNDLE|source=DIR [actual=FILE.csv]",
        ),
        (["export", "a", "fmt=csv"], 'error: arguments: is no setting of export, got "fmt"; did you mean format?'),
        (
            ["export", "a", "format=doc"],
            'error: format: is unknown, got "doc"; one of bundle, csv, figures, nixtla, opening, vidigi, xes, xlsx',
        ),
        (["forecast"], "error: source: is missing, got nothing; tobsim forecast source=RUN|FILE.csv [truth=true]"),
        (["forecast", "source=a", "truth=1"], 'error: truth: must be true or false, got "1"; truth=true'),
        (
            ["forecast", "source=a", "sed=1"],
            'error: sed: is not read by tobsim forecast, got "sed=1"; it reads '
            "execution, forecast, out, progress, report, source, truth",
        ),
        (["forecast", "source=a"], 'error: source: does not exist, got "a"; a run folder, or a CSV or Parquet file'),
        (["run", "out='~nobody-at-all/x'"], 'error: out: names the home of nobody, got "~nobody-at-all/x"; a path'),
        (["run", "out="], 'error: out: is empty, got ""; a folder, or null for the default'),
        (
            ["reproduce", "a"],
            "error: a/manifest.json: cannot be read, got No such file or directory; the folder of a run",
        ),
    ],
)
def test_wrong_command_lines_are_one_line_and_nothing_is_written(call, tmp_path, words, line):
    assert call(*words) == (WRONG, [], [line])
    assert list(tmp_path.iterdir()) == []


def test_all_problems_of_a_study_come_at_once(call, tmp_path):
    code, out, err = call("run", "business=tool", "sed=1", "horizon.days=0", "replications=0")
    assert (code, out) == (WRONG, [])
    assert [line.split(":")[1].strip() for line in err] == ["sed", "horizon.days", "replications"]
    assert list(tmp_path.iterdir()) == []


def test_a_run_shows_one_screen_and_finds_its_results_again(call, tmp_path):
    code, first, _ = call("run", "business=tool", *TINY)
    assert code == DONE
    assert 5 < len(first) < 24
    (path,) = (tmp_path / "runs").iterdir()
    assert f"  runs/{path.name}" in first
    assert read_manifest(path).command == " ".join(["tobsim", "run", "business=tool", *TINY])
    before = (path / "manifest.json").stat().st_mtime_ns
    assert call("run", "business=tool", *TINY) == (DONE, first, [])
    assert (path / "manifest.json").stat().st_mtime_ns == before


def test_fewer_replications_than_there_are_is_said(call):
    call("run", "business=tool", *TINY, "out=x")
    code, _, err = call("run", "business=tool", *TINY[:2], "replications=1", *QUICK, "out=x")
    assert code == DONE
    assert err == ["warning: x holds 2 replications already; all of them are shown"]


def test_config_and_files_are_printed_and_nothing_is_run(call, tmp_path):
    code, out, err = call("run", "business=tool", "seed=7", "--cfg", "job")
    assert (code, err) == (DONE, [])
    config = yaml.safe_load("\n".join(out))
    assert (config["seed"], config["business"]["name"]) == (7, "tool")
    _, part, _ = call("run", "business=tool", "-c", "job", "--package=policy.desks.sales")
    assert yaml.safe_load("\n".join(part)) == {"policy.desks.sales": config["policy"]["desks"]["sales"]}
    _, info, _ = call("run", "--info", "business=tool", "seed=7")
    assert any(line.strip().endswith("business/tool.yaml") for line in info)
    assert info[-1] == "override seed=7"
    assert list(tmp_path.iterdir()) == []


def test_own_files_by_config_dir(call, tmp_path):
    own = tmp_path / "own" / "scenario"
    own.mkdir(parents=True)
    (own / "double.yaml").write_text("# @package _global_\npolicy:\n  desks: {sales: {heads: 4}}\n")
    for words in (["--config-dir", "own"], ["--config-dir=own"], ["-cd", "own"]):
        part = ["--cfg", "job", "-p", "policy.desks.sales.heads"]
        code, out, _ = call("run", "business=tool", "scenario=double", *part, *words)
        assert (code, out) == (DONE, ["policy.desks.sales.heads: 4"])
    code, _, err = call("run", "business=tool", "scenario=double", *TINY, "-cd", "own", "out=x")
    assert code == DONE, err
    assert read_manifest(Path("x")).command.endswith("-cd own out=x")
    assert call("reproduce", "x")[0] == DONE


def test_levers_in_three_forms(call):
    code, out, _ = call("levers", "business=tool")
    assert code == DONE
    assert out[0].split() == ["key", "unit", "low", "high", "default", "meaning", "evidence"]
    _, text, _ = call("levers", "business=tool", "format=json")
    rows = json.loads("\n".join(text))
    assert len(rows) == len(out) - 1
    _, lines, _ = call("levers", "business=tool", "format=csv")
    assert [row["key"] for row in csv.DictReader(lines)] == [row["key"] for row in rows]
    assert any(row["key"] == "policy.desks.sales.heads" and row["unit"] == "people" for row in rows)


def test_report_export_validate_reproduce(call, finished):
    (finished / "report.html").unlink()
    assert call("report", str(finished)) == (DONE, [f"{finished}/report.html"], [])
    assert (finished / "report.html").stat().st_size > 10_000
    assert call("export", str(finished), "format=csv") == (DONE, [f"{finished}/export/csv"], [])
    code, out, err = call("validate", str(finished))
    assert (code, err) == (DONE, [])
    assert out[0].split() == ["check", "holds", "found"]
    code, out, err = call("reproduce", str(finished), "progress=false", "execution.workers=2")
    assert (code, err) == (DONE, [])
    assert out[0].startswith("identical: 2 replications")


def test_settings_of_verbs_that_take_a_run(call, finished):
    code, _, err = call("reproduce", str(finished), "execution.workers=many")
    assert (code, err) == (WRONG, ['error: execution.workers: must be a whole number, got "many"; 1 or more'])
    code, _, err = call("report", str(finished), "report.language=xx")
    assert (code, len(err)) == (WRONG, 1)
    assert err[0].startswith('error: report.language: has no texts, got "xx"; ')


def test_what_does_not_hold_ends_with_three(call, finished, tmp_path):
    import shutil

    path = shutil.copytree(finished, tmp_path / "copy")
    (path / "inputs.csv").write_text("nothing")
    code, out, _ = call("validate", str(path))
    assert code == 3
    assert any(line.split()[:2] == ["inputs.csv", "NO"] for line in out)
    (path / "summary.csv").write_text("nothing")
    code, out, _ = call("reproduce", str(path))
    assert code == 3
    assert out[0].startswith("summary.csv: line 1: ")


def test_multirun_runs_every_combination(call, tmp_path):
    lists = ["seed=1,2", "policy.desks.sales.heads=range(1,3)"]
    code, out, _ = call("run", "-m", "business=tool", *TINY, *lists, "out=sweep")
    assert code == DONE
    heads = [line for line in out if line.startswith("job ")]
    assert heads == [
        f"job {n} of 4: seed={seed} policy.desks.sales.heads={sales}"
        for n, (seed, sales) in enumerate([(1, 1), (1, 2), (2, 1), (2, 2)], 1)
    ]
    assert sorted(os.listdir(tmp_path / "sweep")) == ["0", "1", "2", "3"]
    assert len({read_manifest(path).study_digest for path in (tmp_path / "sweep").iterdir()}) == 4


def test_multirun_checks_all_jobs_before_the_first(call, tmp_path):
    code, _, err = call("run", "-m", "business=tool", "seed=1,-1", "horizon.days=0", "out=sweep")
    assert code == WRONG
    assert len(err) == 2
    code, _, err = call("run", "-m", "business=tool", *TINY, "out=a,b")
    assert (code, len(err)) == (WRONG, 1)
    assert list(tmp_path.iterdir()) == []
    call("run", "business=tool", *TINY, "out=sweep/1")
    code, out, err = call("run", "-m", "business=tool", *TINY, "seed=1,2", "out=sweep")
    assert (code, out) == (WRONG, [])
    assert "seed 1 there and 2 here" in err[0]
    assert os.listdir(tmp_path / "sweep") == ["1"]


def test_choices_expand_as_in_hydra():
    def options(group):
        return {"business": ["cloud", "tool", "toy"]}[group]

    def varying(*words):
        return [chosen for _, chosen in expand(words, options)]

    assert varying("seed=1,2", "x=[1,2]") == [["seed=1"], ["seed=2"]]
    assert varying("business=glob(t*)") == [["business=tool"], ["business=toy"]]
    assert varying("seed=choice(3,4)", "x='a,b'") == [["seed=3"], ["seed=4"]]
    assert varying("seed=1") == [[]]
    assert expand(["x='a,b'"], options) == [(["x='a,b'"], [])]
    for word in ("seed=interval(1,2)", "x=[1,", "business=glob(q*)", "seed=range(0,200000)"):
        with pytest.raises(InputError):
            expand([word], options)


def test_words_are_flags_overrides_or_paths():
    found = parse(["a=1", "~b.c", "+d=2", "run", "-m", "--config-dir=x", "--help"])
    assert found.overrides == ("a=1", "~b.c", "+d=2")
    assert found.paths == ("run",)
    assert found.flags == {"--multirun": "", "--config-dir": "x", "--help": ""}
    rest, value = parse(["format=a", "x=1", "format=b"]).without("format")
    assert (rest.overrides, value) == (("x=1",), "b")


def test_only_results_go_to_stdout(capfd, tmp_path):
    assert main(["run", "business=tool", *TINY, "replications=12", f"out={tmp_path / 'x'}"]) == DONE
    shown = capfd.readouterr()
    assert "replications " not in shown.out.replace(" replications of", "")
    expected = ("replications ", "tables", "summary")
    assert not [line for line in shown.err.splitlines() if not line.startswith(expected)]


def test_a_reader_who_leaves_early_is_no_error():
    command = f"{sys.executable} -m scenarios levers business=tool format=json | head -1"
    settings = {**os.environ, "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(["bash", "-c", command], env=settings, capture_output=True, text=True, check=False)
    assert (shown.stdout, shown.stderr) == ("[\n", "")


def test_labels_print_where_the_terminal_cannot(tmp_path):
    words = ["run", "business=tool", *TINY, f"out={tmp_path / 'x'}"]
    shown = python("-m", "scenarios", *words, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert shown.returncode == DONE, shown.stderr


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_lines_elsewhere_and_nothing_on_request(monkeypatch):
    clock = iter(range(0, 10_000, 3))
    monkeypatch.setattr("scenarios.runs.progress.time.monotonic", lambda: float(next(clock)))
    plain, silent = io.StringIO(), io.StringIO()
    for stream, shown in ((plain, True), (silent, False)):
        with Progress(4, shown=shown, stream=stream) as progress:
            for number in range(4):
                progress.advance(Outcome(number, steps=1000))
    lines = plain.getvalue().splitlines()
    assert lines[0].startswith("replications 1/4, ")
    assert [line.startswith("replications 3/4, ") for line in lines if line.endswith(" s left")] == [True]
    assert silent.getvalue() == ""
    monkeypatch.undo()
    terminal = Terminal()
    with Progress(3, stream=terminal) as progress:
        progress.advance(Outcome(0, steps=1000))
    assert "1/3" in terminal.getvalue()
    assert "events/s" in terminal.getvalue()


def test_progress_counts_other_things_than_replications(monkeypatch):
    clock = iter(range(0, 10_000, 3))
    monkeypatch.setattr("scenarios.runs.progress.time.monotonic", lambda: float(next(clock)))
    stream, terminal = io.StringIO(), Terminal()
    with Progress(2, stream=stream, what="series") as progress:
        progress.count()
        progress.expect(5, "backtest")
        progress.count()
    assert [line.split(", ")[0] for line in stream.getvalue().splitlines()] == ["series 1/2", "backtest 1/5"]
    assert "events/s" not in stream.getvalue()
    monkeypatch.undo()
    with Progress(2, stream=terminal, what="series") as progress:
        progress.expect(4, "forecast")
        progress.count()
    assert "1/4" in terminal.getvalue()


def test_plain_progress_is_sparse():
    stream = io.StringIO()
    with Progress(1000, stream=stream) as progress:
        for number in range(1000):
            progress.advance(Outcome(number, steps=1))
    assert stream.getvalue().count("\n") <= 1


def test_durations_as_a_reader_says_them():
    assert [duration(s) for s in (4.6, 89, 100, 7200)] == ["5 s", "89 s", "2 min", "2.0 h"]
