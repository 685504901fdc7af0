from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anymodel_mcp.config import config_path, read_settings
from anymodel_mcp.errors import ConfigError


@pytest.fixture(autouse=True)
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's own folder, with nothing in it; platformdirs reads the process's environment."""
    for name in ("HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_the_file_is_the_named_one_then_the_variables_then_the_users_own(tmp_path: Path) -> None:
    environ = {"ANYMODEL_CONFIG": str(tmp_path / "b.toml")}
    assert config_path(environ, tmp_path / "a.toml") == tmp_path / "a.toml"
    assert config_path(environ) == tmp_path / "b.toml"
    own = config_path({"ANYMODEL_CONFIG": "${user_config.file}"})
    assert own.name == "config.toml"
    assert "anymodel" in own.parts
    assert config_path({}, "~/x.toml") == Path("~/x.toml").expanduser()


@pytest.mark.parametrize("named", ["config.toml", "./anymodel/config.toml", "../config.toml", ".", "a b/c"])
def test_a_variable_with_a_relative_path_is_refused_and_nothing_is_read(named: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("default_model = 'evil'", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_settings({"ANYMODEL_CONFIG": named})
    failure = caught.value.failure
    assert "ANYMODEL_CONFIG (environment) is the relative path" in failure.message
    assert "working directory" in failure.message
    assert "absolute path" in failure.fix


def test_a_relative_user_folder_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "conf" / "anymodel").mkdir(parents=True)
    (tmp_path / "conf" / "anymodel" / "config.toml").write_text("default_model = 'evil'", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", "conf")
    assert read_settings({}).default_model is None


def test_a_path_typed_on_the_command_line_may_be_relative(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("default_model = 'a/b'", encoding="utf-8")
    assert read_settings({}, "mine.toml").default_model == "a/b"


def test_a_home_that_does_not_exist_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="no such home folder"):
        config_path({"ANYMODEL_CONFIG": "~no-such-user-here/config.toml"})


def test_a_key_file_with_a_relative_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-of-a-project", encoding="utf-8")
    place = tmp_path / "a.toml"
    place.write_text("[providers.work]\nbase_url = 'https://gw.example/v1'\napi_key_file = 'key'", encoding="utf-8")
    with pytest.raises(ConfigError, match="nothing is read from the working directory"):
        read_settings({}, place)


def test_no_file_is_no_mistake_unless_it_was_named(tmp_path: Path) -> None:
    assert read_settings({}).source is None
    with pytest.raises(ConfigError, match=r"there is no configuration file .*a\.toml: create it"):
        read_settings({}, tmp_path / "a.toml")
    with pytest.raises(ConfigError, match=r"correct --config or ANYMODEL_CONFIG"):
        read_settings({"ANYMODEL_CONFIG": str(tmp_path / "b.toml")})


def test_nothing_is_read_from_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("default_model = 'evil'", encoding="utf-8")
    (tmp_path / ".env").write_text("OPENAI_API_KEY=evil", encoding="utf-8")
    assert read_settings({}).default_model is None


def test_the_users_own_file_is_read() -> None:
    place = config_path({})
    place.parent.mkdir(parents=True)
    place.write_bytes("\ufeffdefault_model = 'a/b'\r\n".encode())
    found = read_settings({}, overrides={"http.port": 5})
    assert (found.default_model, found.source, found.http.port) == ("a/b", str(place), 5)
    assert found.origins["default_model"] == f"file {place}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"default_model = '\xff'", "is not UTF-8 text (byte 17)"),
        (b"#" * 1_000_001, "it is larger than 1,000,000 bytes"),
    ],
    ids=["bytes", "large"],
)
def test_a_file_that_is_no_configuration_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    place = tmp_path / "a.toml"
    place.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_settings({}, place)
    assert says in caught.value.failure.message
    assert str(place) in caught.value.failure.message


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: "):
        read_settings({}, tmp_path)


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  sk-from-file\n", encoding="utf-8")
    place = tmp_path / "a.toml"
    place.write_text(
        f"[providers.work]\nbase_url = 'https://gw.example/v1'\napi_key_file = '{(tmp_path / 'key').as_posix()}'",
        encoding="utf-8",
    )
    provider = read_settings({}, place).providers["work"]
    assert provider.api_key is not None
    assert provider.api_key.reveal() == "sk-from-file"
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not a text file"):
        read_settings({}, place)
    (tmp_path / "key").write_bytes(b"k" * 100_001)
    with pytest.raises(ConfigError, match="larger than 100,000 bytes"):
        read_settings({}, place)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize(("file_mode", "folder_mode", "remarked"), [
    (0o600, 0o700, ""), (0o644, 0o755, ""), (0o666, 0o700, "config.toml"), (0o602, 0o700, "config.toml"),
    (0o600, 0o777, "conf"), (0o600, 0o1777, ""),
])  # fmt: skip
def test_a_file_that_everybody_may_change_is_remarked(
    file_mode: int, folder_mode: int, remarked: str, tmp_path: Path
) -> None:
    place = tmp_path / "conf" / "config.toml"
    place.parent.mkdir()
    place.write_text("default_model = 'a/b'", encoding="utf-8")
    place.chmod(file_mode)
    place.parent.chmod(folder_mode)
    warnings = read_settings({}, place).warnings
    assert bool(warnings) == bool(remarked)
    if warnings:
        assert f"{remarked} can be changed by every user" in warnings[0]
