"""What is read from the user's own files: sheets of cells, and the state at the start that they tell."""
