"""README.md gives the commands that scripts/hosts-e2e runs; missing ones are reported apart from failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.newcomer import ReadmeError, first_commands, installing, section, trying

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
KEY = "sk-newcomer-0123456789"

PAGE = """\
## Try it

```sh
git clone https://example.org/x/y
cd y
```

## Use it in your host

```sh
export OPENAI_API_KEY=sk-YOUR-KEY
bin/anymodel-mcp install claude-desktop --dry-run
bin/anymodel-mcp install claude-desktop --write-keys
```

No key? `export ANYMODEL_PROVIDERS=local ANYMODEL_MODEL=m` instead.

## More
"""


def test_the_readme_says_how_to_try_it() -> None:
    commands, address = trying(README)
    assert address.startswith("https://")
    assert commands.rstrip().endswith("scripts/demo")


@pytest.mark.parametrize("key", [KEY, None], ids=["with a key", "without a key"])
def test_the_readme_says_how_to_use_it_in_a_host(key: str | None) -> None:
    commands = installing(README, "codex", key)
    assert "install codex --dry-run\n" in commands
    assert "claude-desktop" not in commands
    assert "sk-YOUR-KEY" not in commands
    assert (KEY in commands) is (key is not None)


def test_a_reader_puts_in_his_key_and_his_host() -> None:
    assert installing(PAGE, "zed", KEY) == (
        f"export OPENAI_API_KEY={KEY}\n"
        "bin/anymodel-mcp install zed --dry-run\nbin/anymodel-mcp install zed --write-keys --yes\n"
    )


def test_a_reader_without_a_key_takes_the_model_of_this_machine() -> None:
    assert installing(PAGE, "zed", None) == (
        "export ANYMODEL_PROVIDERS=local ANYMODEL_MODEL=m\n"
        "bin/anymodel-mcp install zed --dry-run\nbin/anymodel-mcp install zed --yes\n"
    )


def test_the_last_section_ends_with_the_page() -> None:
    assert section("## One\na\n## Two\nb\n", "Two") == "b\n"


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        pytest.param("## Try it\n", "no section 'Try it'", id="the section"),
        pytest.param("git clone https://example.org/x/y\n", "no git clone ADDRESS", id="the clone"),
    ],
)
def test_a_page_that_does_not_say_how_to_try_it_is_refused(lost: str, said: str) -> None:
    with pytest.raises(ReadmeError, match=said):
        trying(PAGE.replace(lost, ""))


@pytest.mark.parametrize(
    ("lost", "key", "said"),
    [
        pytest.param("=sk-YOUR-KEY", KEY, "no sk-YOUR-KEY", id="the key"),
        pytest.param("anymodel-mcp install", KEY, "no anymodel-mcp install HOST", id="the command"),
        pytest.param("export OPENAI", None, "no line that begins with export", id="the exports"),
        pytest.param("`export ANYMODEL_PROVIDERS=local", None, "without a key", id="the way without a key"),
    ],
)
def test_a_page_that_does_not_say_how_to_use_it_is_refused(lost: str, key: str | None, said: str) -> None:
    with pytest.raises(ReadmeError, match=said):
        installing(PAGE.replace(lost, ""), "zed", key)


def test_a_section_without_commands_is_refused() -> None:
    with pytest.raises(ReadmeError, match="has no block of commands"):
        first_commands("## Try it\nJust do.\n", "Try it")
