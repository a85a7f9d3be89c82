"""What is read off the tables of a run: registers, checks, summary, forecast, report."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.runs.claim import CONFIG, SOURCE
from scenarios.runs.files import checksum, write_atomic, write_text
from scenarios.runs.pool import Pool, pool_of
from scenarios.runs.sets import packing
from scenarios.studies.digest import csv_rows, json_digest, table_digest

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from scenarios.studies.study import Study

BOM = "\ufeff"
"""Byte order mark: spreadsheets then read UTF-8."""

STATED, REJECTS = "opening_stated.csv", "rejects.csv"
"""What opening files state, and what of them was put aside."""

INPUTS = ("key", "value", "unit", "origin", "source", "low", "high", "meaning")

Entry = dict[str, Any]


def derive(folder: Path, study: Study, stage: Callable[[str], None]) -> dict[str, Entry]:
    """Write every file of a run folder that follows from its tables.

    Parameters
    ----------
    folder : Path
        A run folder with all its tables.
    study : Study
        What was run.
    stage : callable
        Is told what is being made.

    Returns
    -------
    dict
        By file name: rows, digest of the values and checksum of the file.
    """
    from analysis.tables import read

    metrics = read(folder, "metrics")
    entries = {name: described(folder / name) for name in (CONFIG, SOURCE)}
    rows = [[row.get(column) for column in INPUTS] for row in study.inputs]
    entries["inputs.csv"] = write_csv(folder / "inputs.csv", INPUTS, rows)
    entries |= _opening(folder, study)
    stage("summary")
    for name, frame in sheets(folder, study.business, metrics).items():
        entries[f"{name}.csv"] = write_frame(folder / f"{name}.csv", frame)
    if study.config["market"].get("opening") is not None:
        entries["opening.csv"] = write_frame(folder / "opening.csv", tie_out(folder, study.config))
    entries |= _targets(folder, study.config, metrics)
    entries |= _forecast(folder, study.config, metrics, stage)
    return entries | _report(folder, study.config["report"], stage)


def _opening(folder: Path, study: Study) -> dict[str, Entry]:
    """What the opening files state, and their rows that were put aside with the reasons."""
    taken = study.taken
    if taken is None:
        return {}
    entries = {}
    for name, header, rows in (
        (STATED, ("quantity", "dimension", "value", "unit", "rounding"), taken.stated),
        (REJECTS, ("file", "line", "column", "value", "reason"), taken.rejects),
    ):
        if rows:
            cells = [[getattr(row, column) for column in header] for row in rows]
            entries[name] = write_csv(folder / name, header, cells)
    return entries


def _targets(folder: Path, config: Entry, metrics: pd.DataFrame) -> dict[str, Entry]:
    """What is attained of the plan, where there is one."""
    from scenarios.runs.targets import FILES, planned
    from scenarios.runs.targets import sheets as target_sheets

    found = target_sheets(config, metrics, planned(config).targets)
    for name in FILES:
        if name not in found:
            (folder / f"{name}.csv").unlink(missing_ok=True)
    return {f"{name}.csv": write_frame(folder / f"{name}.csv", frame) for name, frame in found.items()}


def _forecast(folder: Path, config: Entry, metrics: pd.DataFrame, stage: Callable[[str], None]) -> dict[str, Entry]:
    path = folder / "forecast.parquet"
    if not config["forecast"]["enabled"]:
        path.unlink(missing_ok=True)
        return {}
    stage("forecast")
    found = forecast_table(folder, metrics, config["forecast"], pool_of(config))
    return {path.name: write_parquet(path, found)}


def forecast_table(folder: Path, metrics: pd.DataFrame, settings: Entry, workers: int | Pool = 1) -> pa.Table:
    """The forecast of a run's monthly series, as ``tobsim forecast`` makes it, without a backtest.

    Parameters
    ----------
    folder : Path
        The run folder with all its tables.
    metrics : pandas.DataFrame
        Its metrics.
    settings : dict
        The group ``forecast`` of the configuration.
    workers : int or Pool
        Processes, or where it is done.
    """
    import pandas as pd

    from analysis.forecast.results import columns
    from analysis.series import monthly_series
    from scenarios.forecasts.reading import read_source
    from scenarios.forecasts.steps import forecast_steps
    from scenarios.runs.execute import spread
    from scenarios.studies.forecast_checks import BEST

    if monthly_series(metrics).empty:
        return arrow(pd.DataFrame(columns=columns(settings["levels"])))
    origins = settings["origins"] if settings["model"] == BEST else 0
    wanted = {**settings, "origins": origins, "targets": {}}
    found = forecast_steps(read_source(folder, wanted), wanted, partial(spread, workers=workers), lambda *_: None)
    return arrow(found.frames["forecast"])


def _report(folder: Path, settings: Entry, stage: Callable[[str], None]) -> dict[str, Entry]:
    path = folder / "report.html"
    if not settings["enabled"]:
        path.unlink(missing_ok=True)
        return {}
    stage("report")
    return {path.name: write_report(folder, settings["language"])}


def write_report(folder: Path, language: str) -> Entry:
    """Build the report of a run folder."""
    from analysis.report.build import build_report

    path = build_report(folder, language)
    return {"rows": None, "digest": None, "checksum": checksum(path)}


def arrow(frame: pd.DataFrame) -> pa.Table:
    """A frame as Arrow; a column without any value holds text."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    fields = [pa.field(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(fields))


def write_parquet(path: Path, table: pa.Table) -> Entry:
    """Write a Parquet file in one step."""
    import pyarrow.parquet as pq

    write_atomic(path, lambda staged: pq.write_table(table, staged, **packing(table.schema)))
    return {"rows": table.num_rows, "digest": table_digest(table), "checksum": checksum(path)}


def write_frame(path: Path, frame: pd.DataFrame) -> Entry:
    """Write a data frame as CSV."""
    return write_csv(path, list(frame), frame.astype(object).where(frame.notna(), None).to_numpy().tolist())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> Entry:
    """Write a CSV file in UTF-8 with byte order mark; null is an empty cell, no text is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    write_text(path, BOM + text.getvalue())
    cells = csv_rows(path)
    return {"rows": len(cells) - 1, "digest": json_digest(cells), "checksum": checksum(path)}


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    return repr(float(value)) if isinstance(value, float) else str(value)


def sheets(folder: Path, business: str, metrics: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Summary, identities and plausibility of a run."""
    import pandas as pd

    from analysis.identities import collect
    from analysis.plausibility import judge, read_ranges
    from analysis.summary import summary
    from scenarios.studies.settings import CONF

    totals = summary(metrics)
    return {
        "summary": totals,
        "identities": collect(pd.read_parquet(folder / "checks.parquet")),
        "plausibility": judge(read_ranges(CONF / "plausibility.csv"), totals, business),
    }


def tie_out(folder: Path, config: Entry) -> pd.DataFrame:
    """Where a run starts, beside what its opening files say."""
    import pandas as pd

    from analysis.opening import read_start, tied

    numbers = pd.read_parquet(folder / "checks.parquet", columns=["replication"])["replication"].unique().tolist()
    said, currency = folder / "opening_stated.csv", config["business"].get("currency", "CNY")
    start = read_start(folder, numbers, start=config["horizon"]["start"], currency=currency)
    return tied(
        start.state(), pd.read_csv(said, encoding="utf-8-sig", dtype={"dimension": str}) if said.is_file() else None
    )


def described(path: Path) -> Entry:
    """Entry of a YAML file: digest of what it says, checksum of its bytes."""
    import yaml

    digest = json_digest(yaml.safe_load(path.read_text("utf-8")))
    return {"rows": None, "digest": digest, "checksum": checksum(path)}
