"""Monthly series as the forecasting programs of Nixtla read them: a long CSV with unique_id, ds, y."""

from __future__ import annotations

from pathlib import Path

NIXTLA = ("unique_id", "ds", "y")
"""Columns of a long table of series, as in Nixtla's statsforecast."""


def write_series(run: Path, folder: Path, replication: int) -> None:
    """Write ``series-<replication>.csv``: the series that a forecast of the run would read.

    Parameters
    ----------
    run : Path
        A run folder.
    folder : Path
        Where the file goes.
    replication : int
        The history that is taken.

    Notes
    -----
    Rows are ordered by series and date; ``ds`` is the last day of the month; money is in major units; a month in
    which a metric is undefined has an empty cell. ``tobsim forecast source=`` reads the file too.
    """
    from analysis.series import monthly_series
    from analysis.tables import read
    from scenarios.runs.derive import write_frame

    metrics = read(run, "metrics")
    history = metrics[metrics["replication"] == replication].assign(replication=0)
    series = monthly_series(history)[list(NIXTLA)]
    write_frame(folder / f"series-{replication}.csv", series.assign(ds=series["ds"].dt.strftime("%Y-%m-%d")))
