"""The images API."""
