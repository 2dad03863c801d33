"""The campaigns: a seeded tenth of each, and proof that their ledger sees what goes wrong."""
