"""Formats in which a run is handed to other programs."""
