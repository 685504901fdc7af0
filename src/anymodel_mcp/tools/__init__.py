"""The tools, one module each; `TOOLS` is their listing order."""

from anymodel_mcp.tools import (
    chat,
    complete,
    create_media,
    embed,
    generate_image,
    get_result,
    list_models,
    speak,
    transcribe,
    usage,
)
from anymodel_mcp.tools.context import ToolSpec

TOOLS: tuple[ToolSpec, ...] = (
    chat.TOOL,
    complete.TOOL,
    embed.TOOL,
    generate_image.TOOL,
    create_media.TOOL,
    list_models.TOOL,
    get_result.TOOL,
    transcribe.TOOL,
    speak.TOOL,
    usage.TOOL,
)
