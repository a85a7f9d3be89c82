"""The business as a spreadsheet would have it: averages month by month in formulas, and why a simulation differs."""
