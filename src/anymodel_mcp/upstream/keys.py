"""A provider's key: from the configuration, or printed by a command that runs when the key is first needed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio
from anyio.abc import Process, TaskGroup

from anymodel_mcp.config import ProviderSettings
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.upstream.shared import SharedWork

COMMAND_S = 20.0
_MOST_BYTES = 65_536


class KeyReader:
    """The key of one provider.

    Args:
        provider: its settings, with the source of the key.
        group: the task group of the command.
        on_key: is called with each key that a command prints, before it is used.
        command_s: how long the command may take.
    """

    def __init__(
        self,
        provider: ProviderSettings,
        group: TaskGroup,
        on_key: Callable[[str], None],
        *,
        command_s: float = COMMAND_S,
    ) -> None:
        self._provider = provider
        self._on_key = on_key
        self._command_s = command_s
        self._key = provider.api_key.reveal() if provider.api_key else None
        self._ask_command = SharedWork(group, self._run)

    async def read(self) -> str | None:
        """Returns the key; `None` if none is needed.

        Raises:
            ConfigError: there is none, or the command printed none.
        """
        if self._key is None and self._provider.key_command:
            self._key = await self._ask_command()
        if self._key is None:
            self._refuse_without()
        return self._key

    async def renew(self, refused: str | None) -> bool:
        """Runs the command again after a provider refused a key; true if it printed another key.

        Args:
            refused: the key that was sent.

        Raises:
            ConfigError: the command printed no key.
        """
        if not self._provider.key_command or self._provider.api_key:
            return False
        if self._key == refused:
            self._key = await self._ask_command()
        return self._key != refused

    def _refuse_without(self) -> None:
        provider, row = self._provider, PROVIDERS.get(self._provider.name)
        needs_one = row is not None and row.key_env and not row.key_optional and provider.auth != "none"
        if needs_one and row and row.base_url == provider.base_url:
            raise ConfigError(
                f"there is no key for {provider.name}",
                provider=provider.name,
                fix=provider.key_hint or f"Set {row.key_env}.",
            )

    async def _run(self) -> str:
        where = f"providers.{self._provider.name}.api_key_command"
        try:
            with anyio.fail_after(self._command_s):
                status, printed = await _output_of(self._provider.key_command)
        except TimeoutError as error:
            raise ConfigError(
                f"{where} was stopped: it took longer than {self._command_s:g} s",
                fix="Run it in a terminal: it must print the key and end, without asking anything.",
            ) from error
        except OSError as error:
            raise ConfigError(f"{where} cannot be run: {error}") from error
        if len(printed) > _MOST_BYTES:
            raise ConfigError(f"{where} was stopped: it printed more than {_MOST_BYTES} bytes, which is not a key")
        key = printed.decode("utf-8", "replace").strip()
        if status or not key:
            raise ConfigError(f"{where} printed no key (exit status {status})", fix="Run it in a terminal to see why.")
        self._on_key(key)
        return key


async def _output_of(command: Sequence[str]) -> tuple[int, bytes]:
    """Runs the command; returns exit status and output (cut off when too long). Leaves no process behind.

    The command gets no input: stdin of this process may be the connection to the host.
    """
    process = await anyio.open_process(
        list(command), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=os.name == "posix"
    )
    printed = bytearray()
    try:
        assert process.stdout is not None
        async for piece in process.stdout:
            printed += piece
            if len(printed) > _MOST_BYTES:
                return 0, bytes(printed)
        return await process.wait(), bytes(printed)
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _end(process: Process) -> None:
    """Ends the command and its children."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    await process.aclose()
