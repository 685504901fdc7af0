"""The changes to our own files: shown first, then written."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from anymodel_mcp.cli.changes import Change, draw_diff
from anymodel_mcp.cli.files import check_private, replace_file
from anymodel_mcp.cli.key import Keyring, write_keys
from anymodel_mcp.cli.setup.plan import Plan
from anymodel_mcp.cli.setup.rollback import keep_files
from anymodel_mcp.config import Secret
from anymodel_mcp.config.key_store import FILE_NAME, StoredKey, fingerprint, origin_of
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import record


@record
class Work:
    """The changes to our own files.

    Attributes:
        config: the change to the configuration file.
        keys: the new content of the key store; `None` = it stays.
        keyring: user name and key for the system keyring, if it is to be used.
    """

    config: Change
    keys: Mapping[str, StoredKey] | None
    keyring: tuple[str, Secret] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.config.is_empty and self.keys is None and self.keyring is None

    @property
    def files(self) -> list[Path]:
        """The files that may change."""
        return [self.config.path, self.keys_file]

    @property
    def keys_file(self) -> Path:
        """The key store."""
        return self.config.path.with_name(FILE_NAME)


def draw_work(work: Work, plan: Plan) -> list[str]:
    """The lines that show the changes, without any key.

    Raises:
        ConfigError: the key store could not be kept private.
    """
    lines = ["", *draw_diff(work.config, [])] if not work.config.is_empty else []
    if work.keys is not None:
        check_private(work.keys_file)
        kept = plan.key is not None
        what = f"the key of {plan.provider} ({fingerprint(plan.key)})" if plan.key else f"no key of {plan.provider}"
        where = "in the system keyring" if work.keyring else "readable by you alone"
        lines += ["", f"{work.keys_file}: {what} for {origin_of(plan.base_url)}" + (f", {where}" if kept else "")]
    return lines or ["", "The configuration is up to date."]


@contextmanager
def written(work: Work, keyring: Keyring) -> Generator[None]:
    """Writes the changes; an exception in the block, including Ctrl-C, reverts all of them.

    Raises:
        ConfigError: one of them cannot be written.
    """
    with keep_files(work.files), _in_keyring(work, keyring):
        if work.keys is not None:
            write_keys(work.config.path, work.keys)
        if not work.config.is_empty:
            replace_file(work.config.path, work.config.after or b"")
        yield


@contextmanager
def _in_keyring(work: Work, keyring: Keyring) -> Generator[None]:
    if work.keyring is None:
        yield
        return
    user, key = work.keyring
    keyring("set", user, key.reveal())
    try:
        yield
    except BaseException:
        with suppress(ConfigError):  # the first failure is the one to report
            keyring("del", user, "")
        raise
