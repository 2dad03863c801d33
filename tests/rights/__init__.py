"""People's rights, from what is held to what remains."""
