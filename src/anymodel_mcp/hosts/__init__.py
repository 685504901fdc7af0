"""What is known about MCP hosts."""
