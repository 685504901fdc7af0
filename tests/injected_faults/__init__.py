"""Faults injected at every await of a paid call: see `__main__.py`."""
