"""What-if: how plans differ from a base, how sure that is, why they differ, and which one to choose."""
