"""The built-in CRM, over HTTP and as a side of the sync."""
