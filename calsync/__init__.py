"""calsync keeps a CRM calendar and a Google calendar in step, in both directions."""

__version__ = "0.1.0"
