"""The demo: a page with both calendars side by side, and a scripted round trip."""
