"""CRM calendars: the adapter contract, the built-in one, and those that others bring."""
