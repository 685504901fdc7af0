"""The child process that holds llama.cpp's server: `python -P -m anymodel_mcp.local.child WEIGHTS --threads N`.

A process of its own, so that a crash in native code cannot take the MCP server with it, and so that stdout of the MCP
server carries nothing but the protocol. The rules between parent and child:

    stdout   one JSON line, then closed: {"base_url", "api_key", "model"} or {"error", "cause"}
    stderr   what native code has to say, errors only
    stdin    held open by the parent; its end, however the parent died, is the end of the child
    signals  SIGTERM ends it; SIGINT is ignored, because Ctrl-C reaches the whole group and the parent decides

The key is made here and travels only through the pipe: no other process sees it in an argument or a variable. It is
needed on loopback too, because llama.cpp's server answers a web page of any origin (seen 2026-11-20).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any

MODEL = "smollm2-135m-instruct"
_CONTEXT_TOKENS = 8192
_SLOTS = 4
_UBATCH = 2048  # with llama.cpp's 512, /v1/embeddings answers 500 to any longer input


def _take_stdout() -> int:
    """Returns a private descriptor of stdout for the ready line; native code that prints to stdout reaches stderr."""
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def _say(descriptor: int, record: dict[str, str]) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(json.dumps(record) + "\n")


def _set(params: Any, **values: object) -> None:
    """Sets the fields that exist in this release: llama.cpp adds and removes fields of the struct."""
    for name, value in values.items():
        if hasattr(params, name):
            setattr(params, name, value)


def _open_server(weights: str, threads: int, api_key: str) -> Any:
    import xllamacpp  # pyright: ignore[reportMissingTypeStubs] the wheel has no stubs

    library: Any = xllamacpp
    params: Any = library.CommonParams()
    params.model.path = weights
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [api_key]
    params.n_ctx = _CONTEXT_TOKENS
    params.n_parallel = _SLOTS
    params.n_batch = params.n_ubatch = _UBATCH
    params.embedding = True
    params.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    # half of the threads make tokens, all of them read the prompt: with all for both, a busy neighbour on one of two
    # cores slows the answer to a tenth, because threads wait for each other at every layer (measured 2026-11-20)
    params.cpuparams.n_threads = max(1, threads // 2)
    params.cpuparams_batch.n_threads = max(1, threads)
    _set(params, kv_unified=True, ui=False, offline=True, verbosity=1)
    return library.Server(params)


def _wait_for_end() -> None:
    """Returns when stdin ends or SIGTERM comes."""
    ended = threading.Event()

    def on_term(number: int, frame: FrameType | None) -> None:
        ended.set()

    def watch_stdin() -> None:
        try:
            while os.read(0, 4096):
                pass
        finally:
            ended.set()

    signal.signal(signal.SIGTERM, on_term)
    threading.Thread(target=watch_stdin, daemon=True).start()
    ended.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until stdin ends; returns the exit status."""
    parser = argparse.ArgumentParser(prog="anymodel_mcp.local.child")
    parser.add_argument("weights")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = _take_stdout()
    api_key = secrets.token_urlsafe(32)
    try:
        server = _open_server(args.weights, args.threads, api_key)
    except ImportError as exc:
        _say(out, {"error": str(exc), "cause": "import"})
        return 1
    except (RuntimeError, AttributeError, TypeError, ValueError) as exc:
        _say(out, {"error": str(exc), "cause": type(exc).__name__})
        return 1
    _say(out, {"base_url": f"{server.listening_address}/v1", "api_key": api_key, "model": MODEL})
    _wait_for_end()
    del server  # closes the listening socket and joins its threads
    return 0


if __name__ == "__main__":
    sys.exit(main())
