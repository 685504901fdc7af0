"""`demo`: what a host can do with this server, shown by real calls to a model on this machine."""

from anymodel_mcp.cli.demo.run import run_demo

__all__ = ["run_demo"]
