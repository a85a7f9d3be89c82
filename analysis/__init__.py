"""What is read off the tables of a run: metrics, identities, intervals, series, forecasts, reports."""
