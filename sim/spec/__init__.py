"""Frozen specifications: business, market, policy, effects, horizon. Data only."""

from sim.spec.business import BusinessSpec, DecisionSpec, Milestones, Usage
from sim.spec.contacts import Contacts
from sim.spec.market import MarketSpec
from sim.spec.opening import Opening, Past
from sim.spec.policy import PolicySpec
from sim.spec.study import Dated, Effect, Horizon, StudySpec, Timeline

__all__ = [
    "BusinessSpec",
    "Contacts",
    "Dated",
    "DecisionSpec",
    "Effect",
    "Horizon",
    "MarketSpec",
    "Milestones",
    "Opening",
    "Past",
    "PolicySpec",
    "StudySpec",
    "Timeline",
    "Usage",
]
