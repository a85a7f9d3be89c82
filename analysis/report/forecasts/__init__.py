"""The page and the screen of a folder of forecasts."""
