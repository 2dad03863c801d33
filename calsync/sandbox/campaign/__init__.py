"""Campaigns: an installation is broken at random, and a ledger of what people wrote decides whether it held."""
