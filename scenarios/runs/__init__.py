"""Runs: a study over its replications, in whatever processes, stored in a folder that can be trusted."""
