"""The report of a run and the screen after it."""
