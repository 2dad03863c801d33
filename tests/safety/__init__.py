"""Restored databases, lost databases, odd kinds of events, and brakes."""
