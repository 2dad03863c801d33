"""Values and rules of calsync; the standard library only."""
