"""Forecasts of monthly and other regular series, with intervals."""
