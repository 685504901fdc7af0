"""AnyModel MCP: any model behind an OpenAI-compatible API, as MCP tools."""

__version__ = "0.1.0"
