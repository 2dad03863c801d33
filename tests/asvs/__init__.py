"""The forty requirements of OWASP ASVS 5.0 that need a test of their own, each shown to fail without its control."""
