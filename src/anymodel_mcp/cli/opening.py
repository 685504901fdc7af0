"""The text for a user who starts without a command: what this is, and how to get a first answer."""

from __future__ import annotations

from rich.text import Text

from anymodel_mcp import __version__

HELP = """\
AnyModel MCP lets any MCP host call any model behind an OpenAI-compatible API.
Without a command it speaks MCP on stdin and stdout: that is how hosts start it."""


def opening() -> Text:
    """Returns the text for a user who types the command without arguments."""
    lines: list[tuple[str, str]] = [
        ("anymodel-mcp setup", "start here: provider, key, default model, your hosts"),
        ("anymodel-mcp demo", "try it without a key: a small model on this machine"),
        ('anymodel-mcp ask "Why is the sky blue?"', "ask a model"),
        ("anymodel-mcp doctor", "check everything; each problem comes with its fix"),
        ("anymodel-mcp --help", "all commands"),
    ]
    text = Text.assemble(
        (f"AnyModel MCP {__version__}", "bold"),
        " lets Claude, Cursor and any other MCP host call any model behind an OpenAI-compatible API.\n",
        "Hosts start this command and speak MCP with it. To try it here:\n\n",
    )
    width = max(len(command) for command, _ in lines)
    for command, words in lines:
        text.append(f"  {command:<{width}}", style="cyan")
        text.append(f"  {words}\n", style="dim")
    text.rstrip()
    return text


def first_lines() -> Text:
    """Returns the first three lines of the help: each leads to an answer."""
    lines = [
        ("Start here:", "anymodel-mcp setup   (provider, key, default model, your hosts)"),
        ("Try it without a key:", "anymodel-mcp demo"),
        ("Ask a model:", 'anymodel-mcp ask "Why is the sky blue?"'),
    ]
    text = Text()
    for words, command in lines:
        text.append(f"{words:<28}", style="bold")
        text.append(f"{command}\n", style="cyan")
    return text
