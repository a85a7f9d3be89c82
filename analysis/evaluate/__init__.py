"""How good forecasts are: scores, backtests over rolling origins, and their summaries."""
