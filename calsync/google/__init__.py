"""Google: consent, and a person's Google calendar as a side."""
