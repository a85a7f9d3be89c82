"""Optimisation: which values of our levers make an objective largest under limits, confirmed on fresh seeds."""
