"""The command `anymodel-mcp`: without arguments it serves stdio; everything else is imported on demand."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Runs the command line and exits with its status."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Runs one command and returns its exit status.

    The path to stdio is short on purpose: hosts wait for it, and some start it twice.
    """
    if _serves(argv):
        gc.disable()  # garbage collection takes a tenth of the startup and frees nothing; `serve` enables it again
        options = argv[argv[:1] == ["serve"] :]
        if not _is_terminal() and (not options or (options[0] == "--config" and len(options) == 2)):
            from anymodel_mcp.front import serve_front

            return serve_front(*options[1:])
        from anymodel_mcp.cli.serve import serve  # the protocol's imports only

        return serve(options)
    from anymodel_mcp.cli.commands import run_command

    return run_command(argv)


def _serves(argv: list[str]) -> bool:
    """Explains the command to a person who starts it at a terminal, instead of waiting silently for input."""
    if argv[:1] == ["serve"]:
        return True
    return not argv and not _is_terminal()


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


if __name__ == "__main__":
    main()
