"""A hundred damaged files of a sweep: each is found, by what is in it and not by its being there."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.runs.files import STAGED
from scenarios.sweeps.jobs import JobTable
from scenarios.sweeps.points import Design
from scenarios.sweeps.run_point import PARTS, PartFacts, part_schema, read_part, write_part
from tests.faults.sweeps import REPLICATIONS, made

SOUND, DAMAGED, ROWS = 20, 100, 40

Damage = Callable[[Path, random.Random], None]


def truncated(path: Path, dice: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: dice.randrange(len(content))])


def lengthened(path: Path, dice: random.Random) -> None:
    path.write_bytes(path.read_bytes() + dice.randbytes(dice.randrange(1, 100)))


def one_bit(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def zeros(path: Path, dice: random.Random) -> None:
    """What a power cut leaves where the length of a file reached the disk and a part of its content did not."""
    content = path.read_bytes()
    place = dice.randrange(len(content) - 64)
    path.write_bytes(content[:place] + bytes(len(content) - place))


def written_again(path: Path, _: random.Random) -> None:
    """The same figures by another program: a good Parquet file, without what ours says about itself."""
    table = pq.ParquetFile(path).read().replace_schema_metadata()
    pq.write_table(table, path)


def another_value(path: Path, dice: random.Random) -> None:
    """One figure changed, all else as it was."""
    table = pq.ParquetFile(path).read()
    values = table["value"].to_pylist()
    values[dice.randrange(len(values))] += 1
    place = table.column_names.index("value")
    pq.write_table(table.set_column(place, "value", pa.array(values)), path, compression="zstd")


def of_another_point(path: Path, _: random.Random) -> None:
    """The file under the name of another point."""
    key, digest = path.name.split("-")
    path.rename(path.with_name(f"{key[::-1]}-{digest}"))


def of_a_neighbour(path: Path, dice: random.Random) -> None:
    """The content of another file under this name."""
    others = sorted(other for other in path.parent.iterdir() if other.suffix == ".parquet" and other != path)
    path.write_bytes(dice.choice(others).read_bytes())


def half_written(path: Path, dice: random.Random) -> None:
    truncated(path, dice)
    path.rename(path.with_name(path.name + STAGED))


def linked(path: Path, _: random.Random) -> None:
    elsewhere = path.parents[1] / path.name
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


KINDS: tuple[Damage, ...] = (
    truncated, one_bit, zeros, another_value, lengthened, written_again, of_another_point, of_a_neighbour,
    half_written, linked,
)  # fmt: skip


@pytest.fixture(scope="module")
def design() -> Design:
    return made(SOUND + DAMAGED)


def filled(folder: Path, design: Design) -> list[Path]:
    """A folder with a file of random figures for every point, in the order of the points."""
    (folder / PARTS).mkdir()
    generator = np.random.default_rng(5)
    places = [(r, f"metric {m}", "horizon") for r in range(REPLICATIONS) for m in range(ROWS)]
    replication, metric, period = (list(column) for column in zip(*places, strict=True))
    found = []
    for point in design.points:
        columns = [replication, metric, period, generator.normal(size=len(places)), ["count"] * len(places)]
        table = pa.Table.from_arrays([pa.array(each, f.type) for each, f in zip(columns, part_schema(), strict=True)],
                                     schema=part_schema())  # fmt: skip
        found.append(write_part(folder, PartFacts(point.key, tuple(range(REPLICATIONS))), table))
    return found


def opens(path: Path) -> bool:
    """Whether a file can be read as Parquet, which says little."""
    try:
        return bool(pq.ParquetFile(path).read().num_rows)
    except (OSError, pa.ArrowException):
        return False


def test_a_hundred_damaged_files_are_all_found(tmp_path: Path, design: Design) -> None:
    dice, paths = random.Random(17), filled(tmp_path, design)
    assert JobTable(tmp_path, design).finished == (SOUND + DAMAGED) * REPLICATIONS
    for i, path in enumerate(paths[:DAMAGED]):
        KINDS[i % len(KINDS)](path, dice)
    sound = {path.name for path in paths[DAMAGED:]}
    there = [path for path in (tmp_path / PARTS).iterdir() if path.name not in sound]
    assert len(there) == DAMAGED
    assert sum(map(opens, there)) > DAMAGED / 3, "many can be read all the same"
    assert [path.name for path in there if read_part(path)] == []
    table = JobTable(tmp_path, design)
    assert table.finished == SOUND * REPLICATIONS
    waiting = {job.key: job.replications for job in table.jobs()}
    assert waiting == {point.key: tuple(range(REPLICATIONS)) for point in design.points[:DAMAGED]}
    assert {path.name for path in (tmp_path / PARTS).iterdir()} == sound, "what is damaged is out of the way"


def test_the_same_replications_in_two_files_count_once(tmp_path: Path, design: Design) -> None:
    (path, *_), point = filled(tmp_path, design), design.points[0]
    write_part(tmp_path, PartFacts(point.key, (0,)), pq.ParquetFile(path).read())
    table = JobTable(tmp_path, design)
    assert len(table.parts(point.key)) == 2
    assert table.done(point.key) == list(range(REPLICATIONS))
    assert table.finished == (SOUND + DAMAGED) * REPLICATIONS
    assert table.figures(point.key).num_rows == REPLICATIONS * ROWS
