"""The engine: observe, decide, intend, write, record."""
