"""Jobs of a sweep: what points are known by, which replications are there, files that are believed or not, blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.replications import willink
from analysis.summary import by_replication
from scenarios import InputError, Study, compose, load
from scenarios.runs.files import checksum
from scenarios.sweeps import points as points_module
from scenarios.sweeps import sweep as sweep_module
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.jobs import LARGE, JobTable, horizon_values, run_jobs
from scenarios.sweeps.points import Asked, Design, aliases, make_design, planned, point_study
from scenarios.sweeps.run_point import PARTS, PartFacts, figures, metrics_table, part_schema, read_part, write_part
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.sweep import run_design
from scenarios.sweeps.tables import intervals
from tests.fixtures.deaths import dying

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=20", "horizon.days=40", "progress=false"]
HEADS, TRIAL = "policy.desks.sales.heads", "policy.conversion.trial_days"


@pytest.fixture(scope="module")
def base() -> Study:
    return compose("mini", SMALL, config_dir=MINI)


def drawn(*values: dict[str, Any]) -> list[Point]:
    return [Point(number, "baseline", each) for number, each in enumerate(values)]


def made(base: Study, replications: int, *values: dict[str, Any]) -> Design:
    return make_design("heads", base, {"baseline": base}, drawn(*values), Asked(replications))


def filled(folder: Path) -> Path:
    (folder / PARTS).mkdir(exist_ok=True)
    return folder


def small_figures(*numbers: int) -> Any:
    import pyarrow as pa

    rows = [
        {"replication": n, "metric": "cash", "period": "horizon", "value": float(n), "unit": "CNY"} for n in numbers
    ]
    return pa.Table.from_pylist(rows, part_schema())


# What points are known by


def test_a_point_is_the_study_that_its_values_make(base: Study) -> None:
    (point,) = planned({"baseline": base}, drawn({HEADS: 2, TRIAL: 7}))
    study = point_study(base.source, point.values)
    assert point.digest == study.digest
    assert study.config["business"]["route"]["trial"]["delay_days"]["value"] == 7, "what refers to the key follows"
    assert base.config["policy"]["conversion"]["trial_days"] == 14


def test_the_key_follows_values_scenario_seed_and_engine(base: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    cheaper = compose("mini", [*SMALL, "scenario=cheaper"], config_dir=MINI)
    bases = {"baseline": base, "cheaper": cheaper}
    points = [Point(0, "baseline", {HEADS: 2}), Point(1, "cheaper", {HEADS: 2}), Point(2, "baseline", {HEADS: 3.0}),
              Point(3, "baseline", {HEADS: 3})]  # fmt: skip
    keys = [point.key for point in planned(bases, points)]
    assert keys[2] == keys[3], "3.0 and 3 are one number"
    seeded = replace(base, source=base.source | {"seed": 2})
    keys.append(planned({"baseline": seeded}, points[:1])[0].key)
    keys.append(planned(bases, points[:1], ["month"])[0].key)
    monkeypatch.setattr(points_module, "engine_version", lambda: "another")
    keys.append(planned(bases, points[:1])[0].key)
    assert len(set(keys)) == 6


def test_a_first_point_that_is_refused_ends_the_sweep_before_it_begins(base: Study) -> None:
    with pytest.raises(InputError, match="heads"):
        made(base, 2, {HEADS: -1})
    with pytest.raises(InputError, match="gives no point"):
        made(base, 2)


def test_aliases_need_no_quoting_and_are_told_apart() -> None:
    keys = ["policy.price.list", "market.price.list", "a.b-c", "point", "x.2"]
    assert aliases(keys, ["point"]) == {
        "policy.price.list": "list", "market.price.list": "price_list", "a.b-c": "b_c", "point": "key_4", "x.2": "x_2",
    }  # fmt: skip


# Figures


def test_figures_are_those_of_the_summary(base: Study) -> None:
    study = compose("mini", ["effects=none", "market.accounts=60", "horizon.days=420"], config_dir=MINI)
    tables = [metrics_table(study, number)[0] for number in range(2)]
    found = figures(tables).to_pandas()
    frame = pd.concat([table.to_pandas() for table in tables], ignore_index=True)
    expected = by_replication(frame).droplevel("place").sort_index()
    wide = found.pivot(index=["metric", "period", "unit"], columns="replication", values="value").sort_index()
    pd.testing.assert_frame_equal(wide, expected, check_dtype=False, check_column_type=False)
    assert {period[:2] for period in found["period"]} == {"ho", "FY"}
    assert any(metric.startswith("utilisation_") for metric in found["metric"])
    months = figures(tables, ["month"]).to_pandas()
    revenue = months[(months["metric"] == "revenue") & (months["replication"] == 1)].set_index("period")["value"]
    dated = revenue[revenue.index.str.fullmatch(r"\d{4}-\d\d")]
    assert len(dated) >= 13
    own = frame[(frame["metric"] == "revenue") & (frame["replication"] == 1) & (frame["period"] == "month")]
    assert dated.tolist() == own[own["dim1"].isna()].sort_values("ds")["value"].tolist()


def test_intervals_are_those_of_willink() -> None:
    rng = np.random.default_rng(3)
    values = rng.lognormal(0, 1, (5, 8))
    values[1, 2] = np.nan
    values[3] = np.nan
    values[4] = 2.0
    for row, (mean, low, high, sd) in zip(values, intervals(values), strict=True):
        own = willink(row)
        np.testing.assert_allclose([mean, low, high, sd], [own.mean, own.low, own.high, own.sd], rtol=1e-12)


# Files


def test_a_file_is_believed_only_as_it_was_written(tmp_path: Path) -> None:
    facts = PartFacts("k" * 32, (0, 1), 7, 0.5, ("a warning",))
    path = write_part(filled(tmp_path), facts, small_figures(0, 1))
    assert read_part(path) == facts
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    for _ in range(100):
        place = int(rng.integers(len(whole)))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ int(rng.integers(1, 256))]) + whole[place + 1 :])
        assert read_part(path) is None
    for content in (b"", whole[:-1], whole + b"x"):
        path.write_bytes(content)
        assert read_part(path) is None
    path.write_bytes(whole)
    other = path.rename(path.with_name(path.name.replace("k", "j")))
    assert read_part(other) is None, "of another point"


def test_the_table_is_rebuilt_from_the_files(base: Study, tmp_path: Path) -> None:
    design = made(base, 4, {HEADS: 1}, {HEADS: 2}, {HEADS: 1})
    one, two, same = design.points
    assert (one.key == same.key, one.key == two.key) == (True, False)
    write_part(filled(tmp_path), PartFacts(one.key, (0, 2)), small_figures(0, 2))
    write_part(tmp_path, PartFacts(one.key, (7,)), small_figures(7))
    write_part(tmp_path, PartFacts("f" * 32, (0,)), small_figures(0))
    damaged = write_part(tmp_path, PartFacts(two.key, (1,)), small_figures(1))
    damaged.write_bytes(damaged.read_bytes()[:-5])
    half = tmp_path / PARTS / "half.parquet.tmp"
    half.write_bytes(b"half")
    table = JobTable(tmp_path, design)
    assert (table.done(one.key), table.done(two.key)) == ([0, 2], [])
    assert (table.finished, table.total, table.kept) == (2, 8, 3)
    assert not damaged.exists()
    assert not half.exists()
    assert [(job.key, job.replications) for job in table.jobs()] == [(one.key, (1, 3)), (two.key, (0, 1, 2, 3))]
    frame = table.frame()
    assert len(frame) == 8
    assert set(frame["status"]) == {"done", "waiting"}
    assert horizon_values(table, one.key, "cash") == [0.0, 2.0]


def test_what_two_files_hold_counts_once(base: Study, tmp_path: Path) -> None:
    design = made(base, 3, {HEADS: 1})
    key = design.points[0].key
    write_part(filled(tmp_path), PartFacts(key, (0, 1)), small_figures(0, 1))
    write_part(tmp_path, PartFacts(key, (1, 2)), small_figures(1, 2))
    table = JobTable(tmp_path, design)
    assert table.finished == 3
    assert table.figures(key).column("replication").to_pylist() == [0, 1, 2]


def test_large_points_and_many_processes_get_smaller_blocks(base: Study, tmp_path: Path) -> None:
    design = made(base, 10, {HEADS: 1}, {HEADS: 2, "market.accounts": LARGE // 4})
    table = JobTable(tmp_path, design)
    assert [len(job.replications) for job in table.jobs()] == [10, 4, 4, 2]
    assert max(len(job.replications) for job in table.jobs(workers=2)) == 2
    numbers = [(job.key, number) for job in table.jobs(workers=3) for number in job.replications]
    assert len(numbers) == len(set(numbers)) == 20


# Running


def failing(heads: int, replication: int) -> Callable[[Any, int, int], Any]:
    def simulate(timeline: Any, seed: int, number: int) -> Any:
        from sim.simulate import simulate as real

        if (timeline.spec.policy.desks["sales"].heads, number) == (heads, replication):
            raise ZeroDivisionError("no customers\nat all")
        return real(timeline, seed, number)

    return simulate


def test_a_failed_replication_leaves_the_others_and_is_a_job_again_next_time(base: Study, tmp_path: Path) -> None:
    design = made(base, 2, {HEADS: 1}, {HEADS: 2})
    table = JobTable(filled(tmp_path), design, failing(2, 0))
    assert len(list(run_jobs(table, 1))) == 2
    table.refresh()
    key = design.points[1].key
    assert (table.finished, table.status(key), table.status(design.points[0].key)) == (3, "failed", "done")
    assert [(why.replication, why.message) for why in table.failures_of(key)] == [(0, "no customers at all")]
    assert table.jobs() == []
    (job,) = JobTable(tmp_path, design).jobs()
    assert (job.key, job.replications) == (key, (0,))


@pytest.mark.slow
@pytest.mark.parametrize("always", [False, True])
def test_the_work_of_lost_processes_is_sent_again(base: Study, tmp_path: Path, always: bool) -> None:
    """The suite runs this small, below."""
    design = made(base, 4, *({HEADS: heads} for heads in range(1, 5)))
    table = JobTable(filled(tmp_path), design, dying(None if always else tmp_path / "died", 2, 1))
    list(run_jobs(table, 2))
    table.refresh()
    failed = [(why.key, why.replication, why.type) for key in table.points for why in table.failures_of(key)]
    assert failed == ([(design.points[1].key, 1, "WorkerLost")] if always else [])
    assert table.finished == 16 - always


def test_the_work_of_a_lost_process_is_sent_again(base: Study, tmp_path: Path) -> None:
    design = made(base, 2, {HEADS: 1}, {HEADS: 2})
    table = JobTable(filled(tmp_path), design, dying(tmp_path / "died", 2, 1))
    list(run_jobs(table, 2))
    table.refresh()
    assert table.finished == 4
    assert not any(table.failures_of(key) for key in table.points)


# A folder that is complete


def counted(timeline: Any, seed: int, replication: int) -> Any:
    from sim.simulate import simulate as real

    CALLS.append(replication)
    return real(timeline, seed, replication)


CALLS: list[int] = []


def test_a_page_that_is_missing_is_made_without_a_run(tmp_path: Path) -> None:
    path = tmp_path / "sweep"
    without = made(compose("mini", [*SMALL, "report.enabled=false"], config_dir=MINI), 2, {HEADS: 1})
    run_design(without, path)
    assert not (path / "report.html").exists()
    CALLS.clear()
    found = run_design(made(compose("mini", SMALL, config_dir=MINI), 2, {HEADS: 1}), path, simulate=counted)
    assert CALLS == []
    assert checksum(path / "report.html") == found.record["files"]["report.html"]["checksum"]


def test_a_cluster_that_is_not_there_leaves_a_sweep_as_it_was(
    base: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pool: object, place: Path) -> None:
        raise InputError(["execution.address: no scheduler answers"])

    path = tmp_path / "sweep"
    run_design(made(base, 1, {HEADS: 1}), path)
    before = (path / "manifest.json").read_bytes()
    monkeypatch.setattr(sweep_module, "ready", refuse)
    with pytest.raises(InputError, match="no scheduler answers"):
        run_design(made(base, 2, {HEADS: 1}), path)
    assert (path / "manifest.json").read_bytes() == before


def test_the_folder_of_a_sweep_is_loaded_as_one(base: Study, tmp_path: Path) -> None:
    run_design(made(base, 1, {HEADS: 1}, {HEADS: 2}), tmp_path / "sweep")
    found = load(str(tmp_path / "sweep"))
    assert isinstance(found, Sweep)
    assert found.points[HEADS].tolist() == [1, 2]
