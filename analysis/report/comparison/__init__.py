"""The page and the screen of a comparison of plans."""
