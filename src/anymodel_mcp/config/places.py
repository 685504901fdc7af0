"""Finds and reads the configuration file; the only module here that does I/O."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from anymodel_mcp.config.key_store import FILE_NAME, NO_KEYS, KeyStore, parse_keys
from anymodel_mcp.config.loading import load
from anymodel_mcp.config.settings import Settings
from anymodel_mcp.config.values import meant
from anymodel_mcp.errors import ConfigError

APP_NAME = "anymodel"
_FILE_NAME = "config.toml"
_MAX_BYTES = 1_000_000
_MAX_KEY_BYTES = 100_000


def config_path(environ: Mapping[str, str], explicit: str | os.PathLike[str] | None = None) -> Path:
    """Returns the configuration file: `explicit`, else `$ANYMODEL_CONFIG`, else `config.toml` in the user's folder.

    Only a path typed on the command line may be relative: a variable that depends on the working directory would let a
    project decide where prompts and keys go.

    Raises:
        ConfigError: a variable names a relative path.
    """
    if explicit:
        return _expanded(explicit, "--config")
    named = meant(environ.get("ANYMODEL_CONFIG"))
    if named:
        return _absolute(_expanded(named, "ANYMODEL_CONFIG"), "ANYMODEL_CONFIG")
    import platformdirs  # needed only if no file is named

    return Path(platformdirs.user_config_dir(APP_NAME, appauthor=False)) / _FILE_NAME


def _expanded(named: str | os.PathLike[str], source: str) -> Path:
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{source} names {str(named)!r}, but there is no such home folder") from error


def _absolute(place: Path, variable: str) -> Path:
    if place.is_absolute():
        return place
    raise ConfigError(
        f"{variable} (environment) is the relative path {str(place)!r}: configuration is never read from the "
        "working directory",
        param=variable,
        fix=f"Write the absolute path, such as {str(Path.home() / '.config' / APP_NAME / _FILE_NAME)!r}.",
    )


def read_settings(
    environ: Mapping[str, str],
    path: str | os.PathLike[str] | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    with_keys: bool = True,
) -> Settings:
    """Reads the settings. A file that is named must exist; the default file is optional.

    Without `with_keys` the key store is not read, so that the command that repairs it can start.

    Raises:
        ConfigError: the file cannot be read, or something in it or in the environment is wrong.
    """
    place = config_path(environ, path)
    text = _read_config(place, named=bool(path or meant(environ.get("ANYMODEL_CONFIG"))))
    store = read_key_store(place) if with_keys else NO_KEYS
    settings = load(
        environ, file_text=text, file_name=str(place), overrides=overrides, read_file=read_key_file, stored=store
    )
    open_to = (_who_may_change(place) if text is not None else "", _who_may_read(place.with_name(FILE_NAME)))
    return replace(settings, warnings=(*settings.warnings, *filter(None, open_to)))


def read_key_store(config: Path) -> KeyStore:
    """The keys stored beside a configuration file.

    Raises:
        ConfigError: the store cannot be read.
    """
    place = config.with_name(FILE_NAME)
    try:
        text = _read(place, _MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        text = None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not a text file of at most 1 MB"
        raise ConfigError(f"the key store {place} cannot be read: {why}") from error
    return parse_keys(text, str(place))


def _who_may_read(place: Path) -> str:
    """A warning if other users can read the key store, else ""."""
    try:
        exposed = os.name != "nt" and bool(place.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    except OSError:
        return ""
    return f"{place} contains keys and other users can read it: chmod 600 {place}" if exposed else ""


def _who_may_change(place: Path) -> str:
    """A warning if every user can change the file, and so redirect keys and prompts; else ""."""
    if os.name == "nt":
        return ""
    try:
        for path in (place.resolve(), place.resolve().parent):
            mode = path.stat().st_mode
            if mode & stat.S_IWOTH and not (path.is_dir() and mode & stat.S_ISVTX):
                return (
                    f"{path} can be changed by every user of this machine, who could take your keys: chmod o-w {path}"
                )
    except OSError:
        pass
    return ""


def _read_config(place: Path, *, named: bool) -> str | None:
    try:
        return _read(place, _MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        if not named:
            return None
        raise ConfigError(
            f"there is no configuration file {place}: create it, or correct --config or ANYMODEL_CONFIG"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"file {place} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"the configuration file {place} cannot be read: {why}") from error


def _read(place: Path, limit: int) -> str:
    with place.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"it is larger than {limit:,} bytes")
    return content.decode("utf-8-sig")


def read_key_file(path: str) -> str:
    """Reads the text of an `api_key_file`.

    Raises:
        OSError: it cannot be read.
        ValueError: the path is relative, or the file is not text.
    """
    place = _expanded(path, "api_key_file")
    if not place.is_absolute():
        raise ValueError("the path is relative, and nothing is read from the working directory")
    return _read(place, _MAX_KEY_BYTES)
