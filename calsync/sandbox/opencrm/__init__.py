"""A stand-in for an OpenCRM tenant: its REST interface as far as it is known, and everything that is not, as switches."""
