"""What is shipped beside the code agrees with it: versions, names, variables, tools, schemas."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import anymodel_mcp
from anymodel_mcp.config import load
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.tools import TOOLS

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "tests/fixtures/schemas"
NAME = "io.github.anymodel-mcp/anymodel-mcp"


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def read_json(name: str) -> Any:
    return json.loads(read(name))


def problems(schema: str, value: Any) -> list[str]:
    """What a schema says against a value."""
    validator: Any = jsonschema.Draft7Validator(json.loads((SCHEMAS / schema).read_text("utf-8")))
    return [error.message for error in validator.iter_errors(value)]


def package_script() -> Any:
    spec = importlib.util.spec_from_file_location("package_script", ROOT / "scripts/package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_version_is_the_same_everywhere() -> None:
    found = package_script().found_versions()
    assert found == {place: {anymodel_mcp.__version__} for place in found}
    project = tomllib.loads(read("pyproject.toml"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/anymodel_mcp/__init__.py"


def test_a_new_version_is_written_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = package_script()
    for name in script.VERSIONS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(read(name), "utf-8")
    script.ROOT = tmp_path
    assert script.set_version("9.8.7rc1") == 0
    assert script.found_versions() == {place: {"9.8.7rc1"} for place in script.VERSIONS}
    with pytest.raises(SystemExit, match="is no version"):
        script.set_version("latest")
    assert "CHANGELOG.md" in capsys.readouterr().out


def test_server_json_is_valid() -> None:
    server = read_json("server.json")
    assert problems("server.schema.json", server) == []
    assert problems("server.schema.json", {**server, "version": 1}) == ["1 is not of type 'string'"]
    assert server["name"] == NAME
    assert len(server["description"]) <= 100


def test_the_bundles_manifest_is_valid() -> None:
    manifest = read_json("packaging/mcpb/manifest.json")
    assert problems("mcpb-manifest-v0.4.schema.json", manifest) == []
    assert problems("mcpb-manifest-v0.4.schema.json", {**manifest, "server": {}}) != []


def test_the_bundle_names_the_tools_that_there_are() -> None:
    manifest = read_json("packaging/mcpb/manifest.json")
    assert {t["name"] for t in manifest["tools"]} == {t.name for t in TOOLS}
    for tool in TOOLS:
        assert f"- {tool.name}: " in read("llms.txt")


def test_every_key_of_the_bundle_is_sensitive_and_used() -> None:
    manifest = read_json("packaging/mcpb/manifest.json")
    env: dict[str, str] = manifest["server"]["mcp_config"]["env"]
    assert {f"${{user_config.{name}}}" for name in manifest["user_config"]} == set(env.values())
    for variable, reference in env.items():
        field = manifest["user_config"][reference.removeprefix("${user_config.").removesuffix("}")]
        assert field.get("sensitive", False) == variable.endswith("_KEY")
        assert field["required"] is False


def test_what_the_user_left_empty_is_no_setting() -> None:
    """Hosts hand an unset field on as an empty text or as its own reference."""
    env = read_json("packaging/mcpb/manifest.json")["server"]["mcp_config"]["env"]
    nothing = load({}, file_text=None, file_name=None)
    assert load(env, file_text=None, file_name=None) == nothing
    assert load(dict.fromkeys(env, ""), file_text=None, file_name=None) == nothing


def test_every_variable_that_is_offered_is_known() -> None:
    keys = {row.key_env for row in PROVIDERS.values()} | {"OPENAI_BASE_URL", "ANYMODEL_CONFIG"}
    offered = set(read_json("packaging/mcpb/manifest.json")["server"]["mcp_config"]["env"])
    for package in read_json("server.json")["packages"]:
        offered |= {v["name"] for v in package["environmentVariables"]}
    for variable in offered - keys:
        load({variable: "local" if variable == "ANYMODEL_PROVIDERS" else "x"}, file_text=None, file_name=None)
        assert variable.startswith("ANYMODEL_")


def test_the_image_is_not_roots_and_says_how_it_is() -> None:
    lines = read("Dockerfile")
    assert re.search(r"^USER anymodel$", lines, re.MULTILINE)
    assert "HEALTHCHECK" in lines
    assert "/healthz" in lines
    assert f'io.modelcontextprotocol.server.name="{NAME}"' in lines
    assert re.search(r"^ARG PYTHON=3\.\d+\.\d+-slim", lines, re.MULTILINE)
    copied = {n for line in re.findall(r"^COPY (?!--)(.+) \S+$", lines, re.MULTILINE) for n in line.split()}
    ignored = read(".dockerignore").splitlines()
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


@pytest.mark.parametrize("name", ["llms.txt", "SECURITY.md"])
def test_links_between_the_pages_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([\w./-]+)\)", read(name)):
        assert (ROOT / target).exists(), target
