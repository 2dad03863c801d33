"""What a newcomer and an operator meet first: the README, the demo, the scripts, the service."""
