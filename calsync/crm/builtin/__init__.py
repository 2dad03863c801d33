"""The CRM calendar that comes with calsync, and the reference for every adapter."""
