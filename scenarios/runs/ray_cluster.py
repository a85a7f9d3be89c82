"""A Ray cluster as a backend of joblib: the one that ray registers there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scenarios.errors import InputError, shown

if TYPE_CHECKING:
    from scenarios.runs.backends import Pool


def connect(pool: Pool) -> None:
    """Join the cluster at the address; without one, start a cluster of this computer.

    Raises
    ------
    InputError
        If none answers.
    """
    import ray

    if ray.is_initialized():
        return
    own = {"address": pool.address} if pool.address else {"num_cpus": pool.workers, "include_dashboard": False}
    try:
        ray.init(**own, logging_level=logging.CRITICAL, log_to_driver=False)
    except Exception as error:  # what ray raises here has no type of its own
        text = f"no cluster answers, got {shown(pool.address)} ({type(error).__name__})"
        raise InputError([f"execution.address: {text}; the address that ray start prints, or null"]) from None


def processors(pool: Pool) -> int:
    """Calls at the same time."""
    import ray

    connect(pool)
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def register(pool: Pool) -> str:
    """Name of the backend in joblib."""
    from ray.util.joblib import register_ray

    connect(pool)
    register_ray()
    return "ray"


def losses() -> tuple[type[BaseException], ...]:
    """Exceptions that say that workers have died."""
    from ray.exceptions import NodeDiedError, RayActorError, WorkerCrashedError

    return RayActorError, WorkerCrashedError, NodeDiedError
