"""People's rights: what is held about them, and how it is shown, corrected, kept for as long as allowed, and erased."""
