"""The panels of the report, in their order."""

from __future__ import annotations

from collections.abc import Callable

from analysis.report.assurance import definitions, inputs, setup, trust
from analysis.report.blocks import Panel
from analysis.report.operations import desks, retention
from analysis.report.outlook import forecast
from analysis.report.plan import planned
from analysis.report.products import products
from analysis.report.results import funnel_panel, money, overview
from analysis.report.start import start
from analysis.report.wording import Wording

PANELS: tuple[Callable[[Wording], Panel | None], ...] = (
    overview,
    start,
    planned,
    money,
    products,
    funnel_panel,
    retention,
    desks,
    forecast,
    trust,
    inputs,
    setup,
    definitions,
)
"""Each takes the wording of a run and returns its panel, or nothing where the run has no such figures."""


def panels(say: Wording) -> list[Panel]:
    """All panels that this run has figures for."""
    return [panel for make in PANELS if (panel := make(say)) is not None]
