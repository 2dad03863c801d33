"""The web server: consent, a person's own page, health, and the built-in CRM's REST interface."""
