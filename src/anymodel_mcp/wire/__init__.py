"""The sans-I/O core: values in, values out; no network, no clock, no files."""
