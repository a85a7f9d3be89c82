"""Comparisons: plans on common random numbers, what differs, how surely, and why."""
