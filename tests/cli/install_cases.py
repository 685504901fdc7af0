"""Files as users have them, per format: what a host finds before `install`."""

from __future__ import annotations

JSON_FILES: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n",
    "empty object": b"{}",
    "empty object, final newline": b"{}\n",
    "empty object on two lines": b"{\n}\n",
    "other servers": (
        b'{\n  "SECTION": {\n    "github": {\n      "command": "npx",\n      "args": ["-y", "gh"]\n    }\n  }\n}\n'
    ),
    "empty section": b'{\n  "SECTION": {},\n  "theme": "dark"\n}',
    "section on one line": b'{"theme": "dark", "SECTION": {"a": {"command": "a"}}}',
    "tight": b'{"SECTION":{"a":{"command":"a","args":[1,2]}},"z":[1,2]}\n',
    "tabs": b'{\n\t"a": 1,\n\t"SECTION": {\n\t\t"b": {}\n\t}\n}\n',
    "four blanks, CRLF": b'{\r\n    "a": [1, 2],\r\n    "SECTION": {\r\n        "b": {}\r\n    }\r\n}\r\n',
    "byte order mark": b'\xef\xbb\xbf{\n  "a": "\xc3\xa4\xe2\x82\xac"\n}\n',
    "no final newline": b'{\n  "a": 1\n}',
    "numbers as written": b'{\n  "a": 1.10e+05,\n  "b": "\\u00e4\\/"\n}\n',
    "closing brace behind the last value": b'{\n  "a": 1,\n  "SECTION": {\n    "b": {} }}\n',
    "a value on the next line": b'{\n  "SECTION":\n  {\n    "b": {}\n  }\n}\n',
}
JSONC_FILES: dict[str, bytes] = {
    "comments": (
        b'// mine\n{\n  // first\n  "a": 1, /* one */\n  "SECTION": {\n    // the old one\n    "b": {} // stays\n'
        b"  } // end\n}\n// tail\n"
    ),
    "trailing commas": b'{\n  "a": 1,\n  "SECTION": {\n    "b": {},\n  },\n}\n',
    "trailing comma and comment": b'{\n  "a": 1, // one\n  // nothing more\n}\n',
    "comment only in the section": b'{\n  "SECTION": {\n    // none yet\n  }\n}\n',
    "comment in an empty object": b"{ /* none yet */ }\n",
    "comment at the end of a line without break": b'{"a": 1 // one\n}\n',
    "comment that looks like an end": b'{\n  "url": "http://x/*y*/", // "SECTION": {}\n  "b": "}" /* } */\n}\n',
    "CRLF and comments": b'{\r\n  // one\r\n  "SECTION": {\r\n    "b": {}, // two\r\n  },\r\n}\r\n',
}
TOML_FILES: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n\n",
    "comment": b"# mine\n",
    "other servers": (
        b'model = "gpt-5" # why\n\n[mcp_servers.github]\ncommand = "npx"\nargs = [\n  "-y", # yes\n  "gh",\n]\n\n'
        b'[mcp_servers.github.env]\nA = "1"\n\n[profiles.x]\nmodel = "y"\n'
    ),
    "no final newline": b'model = "gpt-5"',
    "CRLF": b'model = "gpt-5"\r\n\r\n[mcp_servers.a]\r\ncommand = "a"\r\n',
    "several lines": b'text = """\n[mcp_servers.anymodel]\n"""\n[[list]]\na = 1\n[[list]]\na = 2\n',
    "byte order mark": b'\xef\xbb\xbfmodel = "\xc3\xa4"\n',
    "blank lines at the end": b'model = "gpt-5"\n\n\n',
}
YAML_FILES: dict[str, bytes] = {
    "empty": b"",
    "comment": b"# mine\n",
    "other keys": b"# mine\nGOOSE_MODEL: x # why\nversion: 1.0.0\n",
    "no final newline": b"name: x\nversion: 1.0.0",
    "CRLF": b"name: x\r\nother:\r\n  a: 1\r\n",
    "document start": b"---\nname: x\n",
    "byte order mark": b"\xef\xbb\xbfname: \xc3\xa4\n",
    "block text": b"prompt: |+\n  one\n\n  SECTION:\n\n\nlast: >\n  folded\n  text\n",
}
YAML_MAP_FILES: dict[str, bytes] = {
    "other entries": (
        b"extensions:\n  # builtin\n  developer:\n    enabled: true # on\n    type: builtin\n\n"
        b"  memory: {enabled: false}\n# next\nGOOSE_MODEL: x\n"
    ),
    "empty on the line": b"extensions: {}\nGOOSE_MODEL: x\n",
    "empty, comment": b"extensions: {} # none yet\nGOOSE_MODEL: x\n",
    "nothing there": b"extensions:\nGOOSE_MODEL: x\n",
    "nothing there, last": b"GOOSE_MODEL: x\nextensions:",
    "null": b"extensions: null\n",
    "deep indentation": b"extensions:\n      developer:\n            enabled: true\n",
    "CRLF entries": b"extensions:\r\n  developer:\r\n    enabled: true\r\nx: 1\r\n",
}
YAML_LIST_FILES: dict[str, bytes] = {
    "other entries": (
        b"name: x\nmcpServers:\n  - name: github\n    command: npx\n    args:\n      - -y\n  # more\n  - name: b\n"
        b"    command: b\nmodels: []\n"
    ),
    "flush list": b"name: x\nmcpServers:\n- name: github\n  command: npx\nmodels: []\n",
    "empty on the line": b"name: x\nmcpServers: []\n",
    "nothing there": b"mcpServers:\nname: x\n",
    "uses": b"name: x\nmcpServers:\n  - uses: hub/thing\n",
}


def starting_files(format_name: str, section: str, *, listed: bool) -> dict[str, bytes]:
    """The files for a row's format, with the row's own section in them."""
    if format_name == "toml":
        return TOML_FILES
    if format_name == "yaml":
        return YAML_FILES | (YAML_LIST_FILES if listed else YAML_MAP_FILES)
    return {name: content.replace(b"SECTION", section.encode()) for name, content in JSON_FILES.items()}
