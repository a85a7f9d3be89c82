"""Where a configuration wants its work done: processes of this computer, a Dask cluster or a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOCAL, DASK, RAY = "local", "dask", "ray"


@dataclass(frozen=True)
class Pool:
    """Where calls are worked on, and for how long one may be.

    Attributes
    ----------
    backend : str
        ``local``, ``dask`` or ``ray``.
    workers : int
        Processes of this computer; a cluster has its own.
    address : str or None
        Of the cluster.
    limit : float or None
        Seconds that one replication may take.
    """

    backend: str = LOCAL
    workers: int = 1
    address: str | None = None
    limit: float | None = None

    def here(self, calls: int = 2) -> bool:
        """Whether so many calls are worked on in this process."""
        return self.backend == LOCAL and self.limit is None and (self.workers <= 1 or calls <= 1)


def pool_of(config: Mapping[str, Any]) -> Pool:
    """Where a configuration wants its work done."""
    asked = config["execution"]
    return Pool(asked["backend"], int(asked["workers"]), asked.get("address"), asked.get("timeout"))
