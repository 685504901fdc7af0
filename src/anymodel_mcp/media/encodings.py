"""Reads text files in the encodings that were common before UTF-8.

Several of these encodings decode each other's texts into nonsense, so each has to find the letters that its texts are
made of: kana, Hangul, or the most frequent characters of Chinese.
"""

from __future__ import annotations

import locale
import re

from anymodel_mcp.media.sniff import decode_unicode

TEXT_ENDINGS = (".txt", ".md", ".csv", ".tsv", ".log", ".srt", ".ini", ".cfg", ".json", ".xml", ".html", ".htm", ".tex")
"""Extensions and names of text files."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\x80-\x9f]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_USUAL = {
    "japanese": re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]"),
    "korean": re.compile("[\uac00-\ud7a3]"),
    "simplified": re.compile(
        "[的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后]"
    ),
    "traditional": re.compile(
        "[的一是不了在人有我他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可裡後]"
    ),
}
"""Letters that are frequent in every longer text."""
_COMMON_ROWS = {"japanese": (0x88, 0x98, 0x40), "simplified": (0xB0, 0xD7, 0xA1), "traditional": (0xA4, 0xC6, 0x40)}
"""First bytes of the frequent characters, and the least second byte."""
_FAMILIES = {
    "japanese": ("cp932", "shift_jis"),
    "korean": ("euc-kr", "cp949"),
    "simplified": ("gb18030", "gbk", "cp936", "gb2312"),
    "traditional": ("big5", "cp950"),
}
_SAMPLE = 20_000


def read_text(content: bytes) -> tuple[str, str] | None:
    """The text of a file that is text by its name, and the encoding where that is a guess.

    A few zero bytes, as logs have them, are left out. `None` = no usual encoding gives text.
    """
    zeros = content.count(0)
    if zeros and zeros * 100 < len(content):
        content = content.replace(b"\0", b"")
    text = decode_unicode(content)
    return (text, "") if text is not None else decode_old(content)


def decode_old(content: bytes) -> tuple[str, str] | None:
    """The text and the name of its encoding; `None` = no usual encoding gives text without control characters."""
    if _is_western(content):
        text = _decoded(content, "cp1252")
        if text is not None:
            return text, "cp1252"
    decoded = {name: text for name in _candidates() if (text := _decoded(content, name)) is not None}
    best = max(decoded, key=lambda name: _likeness(decoded[name], name), default=None)
    return (decoded[best], best) if best else None


def _candidates() -> list[str]:
    system = locale.getencoding().lower()
    usual = ["cp932", "gb18030", "euc-kr", "big5", "cp1252"]
    return usual if system in ("utf-8", "utf8", "ascii", "us-ascii", "ansi_x3.4-1968", *usual) else [system, *usual]


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    return None if _CONTROL.search(text) else text


def _is_western(content: bytes) -> bool:
    """Single letters beyond ASCII among plain ones: two bytes make a character in the encodings of East Asia."""
    sample = content[:_SAMPLE]
    high = re.findall(rb"[\x80-\xff]+", sample)
    if not high or sum(map(len, high)) * 10 > len(sample) * 3:
        return False
    return sum(len(run) == 1 for run in high) * 10 >= len(high) * 8


def _likeness(text: str, encoding: str) -> float:
    """How well the letters beyond ASCII match the language of an encoding."""
    letters = re.sub(r"[\x00-\x7f]+", "", text[:_SAMPLE])
    family = next((name for name, names in _FAMILIES.items() if encoding in names), None)
    if not letters or family is None:
        return 0.01  # the last resort
    count = len(letters)
    usual = len(_USUAL[family].findall(letters)) / count
    if family == "korean":
        return usual if usual > 0.8 else 0.0
    first, last, trail = _COMMON_ROWS[family]
    pairs = [pair for letter in letters if len(pair := letter.encode(encoding, "ignore")) == 2]
    common = sum(first <= pair[0] <= last and pair[1] >= trail for pair in pairs) / count
    return usual + 0.2 * common - len(_HALF_KANA.findall(letters)) / count
