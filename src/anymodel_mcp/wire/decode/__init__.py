"""Bytes of a response body to JSON values."""
