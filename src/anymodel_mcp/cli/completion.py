"""`completion`: prints the completion script of a shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from cyclopts import App, Parameter

from anymodel_mcp.cli.screen import Terminal, write_out


def build_completion_command(app: App, terminal: Terminal) -> Callable[..., int]:
    """Returns the command, bound to the whole program."""

    def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Your shell.")]) -> int:
        """Print the completion script of a shell.

        bash: anymodel-mcp completion bash > ~/.local/share/bash-completion/completions/anymodel-mcp

        zsh:  anymodel-mcp completion zsh > a folder of $fpath, as _anymodel-mcp

        fish: anymodel-mcp completion fish > ~/.config/fish/completions/anymodel-mcp.fish
        """
        write_out(terminal, app.generate_completion(shell=shell))
        return 0

    return completion
