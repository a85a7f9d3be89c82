"""The page of an optimisation: the best plans on fresh seeds, what was tried, how much the search promised."""
