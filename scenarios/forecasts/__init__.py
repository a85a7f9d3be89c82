"""Forecasts: of runs and of files, scored on the past and, where it is known, on the truth."""
