"""What calsync does, stated from outside."""
