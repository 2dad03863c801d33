"""What one round does, seen from both calendars."""
