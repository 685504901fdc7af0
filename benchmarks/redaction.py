"""How long keys are searched for, and that the time grows with the text and not faster: ratios of one run.

.venv/bin/python -m benchmarks.redaction
"""

from __future__ import annotations

import sys
import time

from anymodel_mcp.redact import Redactor

KEYS = [f"sk-benchmark-{number:032d}" for number in range(5)]
MEGABYTE = 1_000_000
TEXTS = {
    "prose": "The quick brown fox jumps over the lazy dog.\n",
    "code": 'path = "C:\\\\data\\\\x"; url = "https://x/?a=%20b&amp;c"\n',
    "percent": "%41",
    "backslashes": "\\",
    "hex": "ab 12:",
    "zero-width": "a\u200b",
    "near keys": KEYS[0][:-1],
}


def _seconds(redactor: Redactor, text: str) -> float:
    started = time.perf_counter()
    redactor.text(text)
    return time.perf_counter() - started


def main() -> None:
    """Prints one line a kind of text: megabytes a second, and what four times the text costs."""
    redactor = Redactor(KEYS)
    for name, unit in TEXTS.items():
        small = unit * (MEGABYTE // len(unit))
        once = min(_seconds(redactor, small) for _ in range(3))
        fourfold = min(_seconds(redactor, small * 4) for _ in range(2))
        sys.stdout.write(
            f"{name:<12} {1 / once:6.1f} MB/s, four times the text takes {fourfold / once:.1f} times as long\n"
        )


if __name__ == "__main__":
    main()
