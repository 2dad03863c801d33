"""Calendars that people and programs wrote, carried across by the real engine."""
