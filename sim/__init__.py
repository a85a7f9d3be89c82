"""The model: synthetic companies moving from first contact to renewal. numpy and simpy only."""
