"""The MCP server: tools, resources and results for each client."""
