"""Acting on people's rights with a whole installation: what the web, the daemon and commands call alike."""
