"""What the books of a run told at a cutoff of the months ahead, for forecasts that the rest of the run judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.runs.claim import read_config

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.run import Change
    from analysis.tables import Tables

KNOWING = ("accounts", "opportunities", "subscriptions", "events")
"""Tables that tell which contracts fall due and which deals are open."""


@dataclass(frozen=True)
class Books:
    """What the tables of a run told at a cutoff of the months ahead: contracts that fall due and deals that are open.

    Attributes
    ----------
    folder : Path
        The run folder; rows of after the cutoff are never read (``analysis.asof``).
    settings : mapping
        The group ``forecast`` of the configuration: what is believed of contracts and deals beforehand.
    """

    folder: Path
    settings: Mapping[str, Any]

    def __call__(self, replication: int, cutoff: pd.Timestamp) -> dict[str, Change]:
        """By metric, what makes its forecast a better informed one."""
        import pandas as pd

        from analysis.asof import as_of
        from analysis.tables import Tables

        start = pd.Timestamp(read_config(self.folder)["horizon"]["start"])
        days = (cutoff + pd.Timedelta(days=1) - start) / pd.Timedelta(days=1)
        tables = as_of(Tables(partial(_of_replication, self.folder, replication)), days)
        return told(tables, self.settings)


def told(tables: Tables, settings: Mapping[str, Any]) -> dict[str, Change]:
    """By metric, what contracts and deals of one replication at a cutoff make of its forecast."""
    from analysis.forecast import contracts, pipeline

    priors = settings["prior_decisions"], settings["prior_slope"]
    churn = {name: contracts.informed_churn(tables, name, *priors) for name in contracts.MEASURES}
    months = settings["share_months"]
    return churn | {name: pipeline.informed_signed(tables, name, months) for name in pipeline.MEASURES}


def _of_replication(folder: Path, replication: int, name: str) -> pd.DataFrame:
    """The rows of one replication of a table; others stay on the disk."""
    import pyarrow.parquet as pq

    from analysis.tables import to_frame

    return to_frame(pq.read_table(folder / f"{name}.parquet", filters=[("replication", "==", replication)]), name)


def knows(folder: Path) -> bool:
    """Whether a run kept the tables that tell of contracts and deals."""
    return all((folder / f"{name}.parquet").is_file() for name in KNOWING)
