"""Stand-ins that behave like the real services, for demos, tests and benchmarks; never for production."""
