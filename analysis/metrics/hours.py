"""Hours of desks: how many are on offer, how many are worked, and how many of these win customers."""

from __future__ import annotations

import numpy as np

from analysis.metrics.cube import Cells, Cube, flow, ratio
from analysis.metrics.desks import customer_work, staffed
from analysis.metrics.registry import metric
from analysis.metrics.view import DESK, View


@metric("heads", unit="count", source="staffing", formula="mean number of people over the days of the period, by desk")
def heads(view: View) -> list[Cells]:
    days = np.diff(view.calendar.edges)
    people = staffed(view, "heads").map(lambda v: v * days)
    return ratio(view.calendar, people, people.map(lambda v: np.broadcast_to(days, v.shape)))


@metric("capacity_hours", unit="hours", source="staffing", formula="working hours on offer, by desk")
def capacity_hours(view: View) -> list[Cells]:
    return flow(view.calendar, staffed(view, "capacity_hours"))


@metric("busy_hours", unit="hours", source="staffing", formula="hours worked, by desk")
def busy_hours(view: View) -> list[Cells]:
    return flow(view.calendar, staffed(view, "busy_hours"))


@metric(
    "acquisition_hours",
    unit="hours",
    source="staffing, events",
    formula="hours worked x share of the desk's work that began on accounts that were not customers then, by desk",
)
def acquisition_hours(view: View) -> list[Cells]:
    share = customer_work(view)
    cube = staffed(view, "busy_hours")
    part = np.array([1 - share.get(desk, 0.0) for desk in cube.levels[DESK]])[:, None]
    by_desk = cube.values[DESK] * part
    values = {dim: by_desk if dim == DESK else by_desk.sum(axis=0, keepdims=True) for dim in cube.values}
    return flow(view.calendar, Cube(cube.levels, values))
