"""Builds and validates the wheel, the sdist, the MCPB bundle and server.json; what `scripts/package` runs.

Every step says what it found; the first thing that is wrong ends it with status 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import jsonschema

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the Node of the tests, so that the machine needs none

from tests.upstreams.install import node, npm  # noqa: E402

DIST = ROOT / "dist"
MCPB = "@anthropic-ai/mcpb@2.1.2"
RELEASES = "https://github.com/anymodel-mcp/anymodel-mcp/releases/download"
MARKER = "<!-- mcp-name: io.github.anymodel-mcp/anymodel-mcp -->"
MAX_WHEEL_BYTES = 900_000  # what is not code does not belong in it: pictures and cases stay in the sdist
# every place that holds the version, and the text around it
VERSIONS = {
    "src/anymodel_mcp/__init__.py": [r'__version__ = "(.+?)"'],
    "server.json": [r'"version": "(.+?)"', r"anymodel-mcp:(\d.+?)\""],
    "packaging/mcpb/manifest.json": [r'"version": "(.+?)"'],
    "Dockerfile": [r'image\.version="(.+?)"'],
}


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set-version", metavar="VERSION", help="write this version everywhere, build nothing")
    parser.add_argument("--no-mcpb", action="store_true", help="leave the MCPB bundle out (its tool comes from npm)")
    parser.add_argument("--no-try", action="store_true", help="do not install the wheel into a clean environment")
    options = parser.parse_args()
    if options.set_version:
        return set_version(options.set_version)
    version = one_version()
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    wheel, sdist = build_python(version)
    check_wheel(wheel, version)
    check_sdist(sdist, version)
    if not options.no_try:
        try_wheel(wheel, version)
    bundle = None if options.no_mcpb else build_mcpb(version)
    write_server_json(version, bundle)
    for path in sorted(DIST.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  {path.stat().st_size:,} bytes")
    return 0


def fail(message: str) -> None:
    """Ends the script."""
    sys.exit(f"package: {message}")


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Runs a command; gives what it printed, or ends with it."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        fail(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


# --- versions -------------------------------------------------------------------------------------------------------


def found_versions() -> dict[str, set[str]]:
    """The version as each place has it."""
    return {
        name: {v for pattern in patterns for v in re.findall(pattern, (ROOT / name).read_text("utf-8"))}
        for name, patterns in VERSIONS.items()
    }


def one_version() -> str:
    """The version, the same everywhere."""
    found = found_versions()
    versions = set[str]().union(*found.values())
    if len(versions) != 1:
        fail(f"versions differ: {found}; scripts/package --set-version VERSION fixes it")
    version = versions.pop()
    print(f"version {version} in {len(found)} places")
    return version


def set_version(version: str) -> int:
    """Writes the version everywhere."""
    if not re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?", version):
        fail(f"{version!r} is no version such as 1.2.3 or 1.2.3rc1")
    for name, patterns in VERSIONS.items():
        text = (ROOT / name).read_text("utf-8")
        for pattern in patterns:
            text = re.sub(pattern, lambda m: m[0].replace(m[1], version), text)
        (ROOT / name).write_text(text, "utf-8", newline="\n")
        print(f"{name}: {version}")
    print("CHANGELOG.md: name the release there yourself")
    return 0


# --- Python ---------------------------------------------------------------------------------------------------------


def build_python(version: str) -> tuple[Path, Path]:
    """Wheel and sdist; the wheel is built from the sdist, so that what is in the one suffices for the other."""
    commit_time = run("git", "log", "-1", "--format=%ct").strip()
    os.environ["SOURCE_DATE_EPOCH"] = commit_time
    run(sys.executable, "-m", "build", "--outdir", DIST)
    return DIST / f"anymodel_mcp-{version}-py3-none-any.whl", DIST / f"anymodel_mcp-{version}.tar.gz"


def check_wheel(wheel: Path, version: str) -> None:
    """What is in the wheel, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = f"anymodel_mcp-{version}.dist-info"
        metadata = archive.read(f"{info}/METADATA").decode()
        entry_points = archive.read(f"{info}/entry_points.txt").decode()
    strangers = [n for n in names if not n.startswith(("anymodel_mcp/", info))]
    tracked = {f"anymodel_mcp/{n}" for n in run("git", "ls-files", cwd=ROOT / "src/anymodel_mcp").split()}
    wrong = [n for n in names if n.startswith("anymodel_mcp/") and n not in tracked]
    if strangers or wrong:
        fail(f"the wheel holds what it should not: {strangers + wrong}")
    for wanted in ("anymodel_mcp/py.typed", f"{info}/licenses/LICENSE"):
        if wanted not in names:
            fail(f"the wheel lacks {wanted}")
    if "anymodel-mcp = anymodel_mcp.__main__:main" not in entry_points or f"\nVersion: {version}\n" not in metadata:
        fail("the wheel's metadata are wrong")
    if MARKER not in metadata:
        fail(f"README.md lacks the line {MARKER}, which the MCP registry asks for")
    if wheel.stat().st_size > MAX_WHEEL_BYTES:
        fail(f"the wheel is larger than {MAX_WHEEL_BYTES:,} bytes")
    print(f"wheel: {len(names)} files")


def check_sdist(sdist: Path, version: str) -> None:
    """The sdist holds what a packager needs."""
    with tarfile.open(sdist) as archive:
        names = set(archive.getnames())
    for wanted in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "src/anymodel_mcp/__init__.py", "tests"):
        if not any(n.startswith(f"anymodel_mcp-{version}/{wanted}") for n in names):
            fail(f"the sdist lacks {wanted}")
    print(f"sdist: {len(names)} files")


PROBE = """
import sys, anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters

async def main():
    async with Client(StdioServerParameters(command=sys.argv[1], args=[])) as client:
        tools = (await client.list_tools()).tools
        print(",".join(sorted(t.name for t in tools)))

anyio.run(main)
"""


def try_wheel(wheel: Path, version: str) -> None:
    """Installs the wheel into a clean environment, asks its version, lists its tools by a real client, and runs them.

    They run in the demo, with the extra that it needs; before, the server must do without that extra.
    """
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        venv.create(there / "venv", with_pip=True)
        scripts = there / "venv" / ("Scripts" if os.name == "nt" else "bin")
        python, command = scripts / "python", scripts / "anymodel-mcp"
        pip = (python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt")
        run(*pip, wheel, cwd=there)
        answer = run(command, "--version", cwd=there).strip()
        if version not in answer.split():
            fail(f"the installed command says it is {answer!r}, not {version}")
        tools = run(python, "-c", PROBE, command, cwd=there).strip()
        if "chat" not in tools.split(","):
            fail(f"the installed server lists {tools!r}")
        packages = len(json.loads(run(python, "-m", "pip", "list", "--format", "json")))
        run(*pip, f"{wheel}[local]", cwd=there)
        run(command, "demo", cwd=there)
    print(f"installed: {answer}; tools {tools}; {packages} packages with pip; the demo runs")


# --- MCPB, server.json ----------------------------------------------------------------------------------------------


def build_mcpb(version: str) -> Path:
    """The bundle: the manifest and the source, which the host runs with uv."""
    bundle = DIST / f"anymodel-mcp-{version}.mcpb"
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "bundle"
        stage.mkdir()
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, stage)
        for name in ("manifest.json", "icon.png"):
            shutil.copy(ROOT / "packaging/mcpb" / name, stage)
        for name in run("git", "ls-files", "src").split():
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, stage / name)
        os.environ["PATH"] = f"{node().parent}{os.pathsep}{os.environ['PATH']}"
        mcpb = (*npm(), "exec", "--yes", "--", MCPB)
        print(run(*mcpb, "validate", stage / "manifest.json").strip().splitlines()[-1])
        run(*mcpb, "pack", stage, bundle)
    with zipfile.ZipFile(bundle) as archive:
        print(f"mcpb: {len(archive.namelist())} files")
    return bundle


def write_server_json(version: str, bundle: Path | None) -> None:
    """server.json as it is published: the committed one, and the bundle with its checksum."""
    server: dict[str, Any] = json.loads((ROOT / "server.json").read_text("utf-8"))
    if bundle:
        server["packages"].append(
            {
                "registryType": "mcpb",
                "identifier": f"{RELEASES}/v{version}/{bundle.name}",
                "fileSha256": hashlib.sha256(bundle.read_bytes()).hexdigest(),
                "transport": {"type": "stdio"},
            }
        )
    schema = json.loads((ROOT / "tests/fixtures/schemas/server.schema.json").read_text("utf-8"))
    jsonschema.Draft7Validator(schema).validate(server)
    (DIST / "server.json").write_text(json.dumps(server, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"server.json: valid, {len(server['packages'])} packages")


if __name__ == "__main__":
    sys.exit(main())
