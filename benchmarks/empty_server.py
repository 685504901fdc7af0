"""The floor: an SDK server with one tool that does nothing, over the SDK's own stdio loop."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("empty", log_level="WARNING")


@server.tool()
async def noop(text: str = "") -> str:
    """Nothing."""
    return text


if __name__ == "__main__":
    server.run("stdio")
