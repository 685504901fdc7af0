"""This server beside the servers that do the same job, measured in one run against one loopback upstream."""
