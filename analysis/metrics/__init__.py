"""Metrics of a run: one definition each, listed in ``REGISTRY``; ``compute`` makes the metrics table."""

from analysis.metrics import (  # noqa: F401  the register fills as its themes are imported
    acquisition,
    cash,
    customers,
    deals,
    desks,
    funnel,
    hours,
    lifecycle,
    money,
    orders,
    payment,
    platform,
    products,
    recurring,
)
from analysis.metrics.context import Context
from analysis.metrics.registry import REGISTRY, Metric, compute, describe, metric

__all__ = ["REGISTRY", "Context", "Metric", "compute", "describe", "metric"]
