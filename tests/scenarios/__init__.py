"""How other calendar syncs failed, as tests of the running daemon."""
