"""Model lists."""
