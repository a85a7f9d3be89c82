"""What outcomes of plans say of an objective and of limits, and which plans no other one beats."""
