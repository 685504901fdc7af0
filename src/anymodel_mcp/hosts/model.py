"""What is recorded about a host: what it tolerates, where its configuration is, and how an entry looks there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from anymodel_mcp.record import record


@record
class Host:
    """What one MCP host tolerates.

    Attributes:
        names: client names, lower case; a trailing "*" matches any ending.
        deadline_s: answer before this many seconds; 0 = the host waits as long as we do.
        progress_extends: progress notifications restart the host's clock, so with a token the deadline does not hold.
        max_output_bytes: how much text arrives whole; `None` = the general limit.
        counts_json: the limit counts the characters of the JSON that carries the text, not the text's bytes.
        meta: `_meta` may be sent (else the host shows it to the model).
        error_meta: `_meta` may be sent with an error (else the host shows the whole result of a failed call as JSON).
        images: image blocks reach the model as images (else as text, or not at all).
        links: `resource_link` blocks are shown as links (else they are dropped or pasted as JSON).
        views: views (MCP Apps) may be offered, where the client declares them.
        asks_for_data: a view must ask for `data:`, as if it were a domain, or its pictures and sounds are blocked.
        typed_before: the host itself puts what is typed after a prompt's command before the prompt's text.
        fills_required_only: what is typed reaches a prompt only through an argument that is listed as required.
        extra_arguments: arguments that the host adds to every call.
        source: where this was seen: version measured or document read, and the date.
    """

    names: tuple[str, ...]
    title: str
    deadline_s: float = 50
    progress_extends: bool = False
    max_output_bytes: int | None = None
    counts_json: bool = False
    meta: bool = True
    error_meta: bool = True
    images: bool = True
    links: bool = True
    views: bool = True
    asks_for_data: bool = False
    typed_before: bool = False
    fills_required_only: bool = False
    extra_arguments: frozenset[str] = frozenset()
    source: str = ""


@record
class ConfigurableHost(Host):
    """A host whose configuration `install` can write.

    Attributes:
        name: what `install` calls the host.
        programs: the host's commands, as found on PATH; the first one runs `add_command` and `remove_command`.
        signs: paths that exist only where the host is installed; none = the folder of its configuration.
        desktop: the host starts as a desktop app and does not see the PATH of a shell.
        folders: per platform ("darwin", "linux", "win32"; "" = any other) the folders that may hold the file, likeliest
            first. `{home}`, `{config}`, `{appdata}`, `{localappdata}` are replaced; a `*` matches what exists.
        files: names that the file may have; the first one is created where none exists.
        folder_variable: environment variable that moves the host's folder.
        file_variable: environment variable that moves the file itself.
        format: format of the file.
        listed: servers are items of a list, each with a "name".
        section: the key that holds the servers.
        new_text: content of a new file.
        strict: the host rejects comments and trailing commas.
        command_key: key of the program; where `args_key` is "", program and arguments are one list there.
        fixed: fields that say what kind of server this is.
        defaults: fields that are set once and then belong to the user.
        keys: how an API key reaches the server: "reference" (the host replaces `reference`), "names" (the host passes
            the variables listed under `names_key`), "ask" (the host asks once and stores it), "literal" (only as text).
        withheld: variables that the host removes from its servers' environment, so that `keys` does not apply to them.
        inherits: what the host passes of its own environment: "all", "no secrets" (all but names that look like
            secrets) or "basics" (HOME, PATH and the like).
        keys_hint: where the host takes the key from.
        add_command: arguments of the host's own command that adds a server: `{name}`, `{json}` (the entry),
            `{named_json}` (the entry with name and inputs), `{env}` (one `-e NAME=value` each), `{command}`, `{args}`.
        remove_command: arguments of the host's own command that removes a server.
        next_step: what makes the host see the change.
        caveat: what a user of this host should know about this server.
    """

    name: str
    programs: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    desktop: bool = False
    folders: Mapping[str, tuple[str, ...]]
    files: tuple[str, ...]
    folder_variable: str = ""
    file_variable: str = ""
    format: Literal["json", "toml", "yaml"] = "json"
    listed: bool = False
    section: str = "mcpServers"
    new_text: str = "{}\n"
    strict: bool = False
    command_key: str = "command"
    args_key: str = "args"
    env_key: str = "env"
    names_key: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    keys: Literal["reference", "names", "ask", "literal"] = "literal"
    reference: str = ""
    withheld: frozenset[str] = frozenset()
    inherits: Literal["all", "no secrets", "basics"] = "all"
    keys_hint: str = ""
    add_command: tuple[str, ...] = ()
    remove_command: tuple[str, ...] = ()
    next_step: str = ""
    caveat: str = ""
