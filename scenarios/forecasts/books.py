"""What the books of a run told at a cutoff of the months ahead, for forecasts that the rest of the run judges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.runs.claim import read_config

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.run import Change

KNOWING = ("accounts", "opportunities", "subscriptions", "events")
"""Tables that tell which contracts fall due and which deals are open."""


@dataclass(frozen=True)
class Books:
    """What the tables of a run told at a cutoff of the months ahead: contracts that fall due and deals that are open.

    Attributes
    ----------
    folder : Path
        The run folder; rows of after the cutoff are never read (``analysis.asof``).
    prior_decisions : float
        Weight of all contracts for the renewals of one group.
    """

    folder: Path
    prior_decisions: float

    def __call__(self, replication: int, cutoff: pd.Timestamp) -> dict[str, Change]:
        """By metric, what makes its forecast a better informed one."""
        import pandas as pd

        from analysis.asof import as_of
        from analysis.forecast import contracts, pipeline
        from analysis.tables import Tables

        start = pd.Timestamp(read_config(self.folder)["horizon"]["start"])
        days = (cutoff + pd.Timedelta(days=1) - start) / pd.Timedelta(days=1)
        tables = as_of(Tables(partial(_of_replication, self.folder, replication)), days)
        churn = {name: contracts.informed_churn(tables, name, self.prior_decisions) for name in contracts.MEASURES}
        return churn | {name: pipeline.informed_signed(tables, name) for name in pipeline.MEASURES}


def _of_replication(folder: Path, replication: int, name: str) -> pd.DataFrame:
    """The rows of one replication of a table; others stay on the disk."""
    import pyarrow.parquet as pq

    from analysis.tables import to_frame

    return to_frame(pq.read_table(folder / f"{name}.parquet", filters=[("replication", "==", replication)]), name)


def knows(folder: Path) -> bool:
    """Whether a run kept the tables that tell of contracts and deals."""
    return all((folder / f"{name}.parquet").is_file() for name in KNOWING)
