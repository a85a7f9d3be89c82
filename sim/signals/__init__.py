"""Signals: what a decision, a duration or a rate can see of an account and its world.

A signal is a pure function of the world and of accounts (one index or an index array) with a documented range.
It never draws random numbers and never writes. Effects in ``conf/effects`` refer to signals by name. A static
signal depends on traits, prices and segments only and is evaluated once for all accounts.
"""

from sim.signals import account, customer, deal, market
from sim.signals.registry import SIGNALS, Signal

__all__ = ["SIGNALS", "Signal", "account", "customer", "deal", "market"]
