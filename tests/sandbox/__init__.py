"""The stand-in for Google, seen through clients that were written for Google."""
