"""Studies: configuration, composed, checked, and built into the specification that the simulator takes."""
