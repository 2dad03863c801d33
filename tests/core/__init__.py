"""The decision, as a pure function."""
