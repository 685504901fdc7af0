"""Upstreams that nobody here wrote, as real processes on loopback; see fixtures.py."""
