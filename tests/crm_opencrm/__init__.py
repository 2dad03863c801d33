"""OpenCRM's adapter and its stand-in."""
