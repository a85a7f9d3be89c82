"""The business as a spreadsheet would have it: averages month by month in live formulas, and why a simulation differs."""
