"""The page of a sweep: what the points gave, what moves the figures, when the plan fails, how far to trust it."""
