"""Targets of a plan: what is attained, how surely, and with which pipeline and people."""
