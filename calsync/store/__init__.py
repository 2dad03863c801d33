"""The database that is calsync's own: plain functions that take a connection."""
