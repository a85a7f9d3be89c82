"""Designed experiments: which points of the space of keys are simulated, where, and what is kept of them."""
