"""The store: what is kept, how it is sealed, and who may hold it."""
