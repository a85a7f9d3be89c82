"""Programmes: things with a life of their own that decisions see only through signals."""

from sim.programmes.consumers import ConsumersProgramme
from sim.programmes.usage import UsageProgramme

PROGRAMMES: dict[str, type[ConsumersProgramme]] = {"consumers": ConsumersProgramme}

__all__ = ["PROGRAMMES", "ConsumersProgramme", "UsageProgramme"]
