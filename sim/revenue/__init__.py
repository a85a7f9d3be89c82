"""Ways of earning. Adding one: a file here, its specification in ``sim.spec.revenue``, a line in ``PARTS``."""

from sim.revenue.add_on import AddOnPart
from sim.revenue.consumption import ConsumptionPart
from sim.revenue.outcome_share import OutcomeSharePart
from sim.revenue.part import RevenuePart
from sim.revenue.project import ProjectPart
from sim.revenue.staff_hours import StaffHoursPart
from sim.revenue.subscription import SubscriptionPart
from sim.revenue.take_rate import TakeRatePart
from sim.revenue.unit_sale import UnitSalePart

PARTS: dict[str, type[RevenuePart]] = {
    "subscription": SubscriptionPart,
    "take_rate": TakeRatePart,
    "unit_sale": UnitSalePart,
    "staff_hours": StaffHoursPart,
    "outcome_share": OutcomeSharePart,
    "consumption": ConsumptionPart,
    "add_on": AddOnPart,
    "project": ProjectPart,
}

__all__ = ["PARTS", "RevenuePart"]
