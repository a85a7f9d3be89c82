"""What a schema cannot say of where a study is run: an address belongs to a cluster, and a cluster has one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scenarios.errors import shown
from scenarios.studies.resolve import Problem, Tree

ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://\S+:\d+|\S.*\.json")
"""Of a Dask scheduler, or the path of its scheduler file."""


def execution(config: Tree) -> Iterator[Problem]:
    """The backend has an address if it needs one, and only then."""
    backend, address = config["execution"]["backend"], config["execution"].get("address")
    where, right = "execution.address", "tcp://HOST:8786, or the path of a scheduler file"
    if backend == "dask" and address is None:
        yield where, f"is missing, got null; the scheduler's, {right}"
    elif backend == "dask" and not ADDRESS.fullmatch(address):
        yield where, f"is no address of a scheduler, got {shown(address)}; {right}"
    elif backend == "ray" and address is not None and not address.strip():
        yield where, f"is empty, got {shown(address)}; HOST:6379, or null for a cluster of this computer"
    elif backend == "local" and address is not None:
        yield where, f"is of a cluster, got {shown(address)} with backend local; execution.backend=dask"
