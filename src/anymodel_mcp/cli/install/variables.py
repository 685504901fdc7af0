"""Which environment variables the server needs in a host, and which of them are keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, cast

from anymodel_mcp.config.values import split_list
from anymodel_mcp.dialects.resolve import find_row
from anymodel_mcp.hosts.entry import Variable
from anymodel_mcp.redact import Redactor

_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|HEADERS)$")
_USERINFO = re.compile(r"://[^/\s@]+@")
_SECRET_FIELD = re.compile(r"""["'](api_key|headers|token|password)["']\s*:""")  # a variable may hold JSON
_OWN_KEY = ("api_key_env", "api_key", "api_key_file", "api_key_command")


def find_variables(environ: Mapping[str, str], config_text: str | None = None) -> tuple[Variable, ...]:
    """The variables that are set and that our configuration reads, in the order of their names.

    Args:
        environ: the environment of the command.
        config_text: the user's configuration file; one that cannot be read counts as absent (`doctor` reports it).
    """
    keys = _key_names(environ, config_text)
    plain = {n for n in environ if n.startswith("ANYMODEL_") and not n.startswith("ANYMODEL_HTTP_")}
    plain.add("OPENAI_BASE_URL" if "OPENAI_API_KEY" in keys else "")
    return tuple(
        Variable(name=n, value=environ[n].strip(), is_key=n in keys or _is_key(n, environ[n]))
        for n in sorted(plain | keys)
        if environ.get(n, "").strip()
    )


def _is_key(name: str, value: str) -> bool:
    if _SECRET_NAME.search(name) or _USERINFO.search(value) or Redactor().clean(value) != value:
        return True
    return _SECRET_FIELD.search(value) is not None


def _key_names(environ: Mapping[str, str], config_text: str | None) -> set[str]:
    tables = _provider_tables(config_text)
    names: set[str] = set() if tables else {"OPENAI_API_KEY"}
    rows = {str(name).lower() for name in split_list(environ.get("ANYMODEL_PROVIDERS", ""))}
    for name, table in tables.items():
        if "api_key_env" in table:
            names.add(str(table["api_key_env"]))
        elif not any(key in table for key in _OWN_KEY):
            rows.add(name)
    found = [find_row(name) for name in rows if name]
    return names | {row.key_env for row in found if row and row.key_env}


def _provider_tables(config_text: str | None) -> dict[str, dict[str, Any]]:
    try:
        providers = tomllib.loads(config_text or "").get("providers")
    except tomllib.TOMLDecodeError:
        return {}
    tables = cast("dict[str, Any]", providers if isinstance(providers, dict) else {})
    return {name: table for name, table in tables.items() if isinstance(table, dict)}
