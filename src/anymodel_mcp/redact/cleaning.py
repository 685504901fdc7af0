"""Removes control and escape sequences and invisible characters from untrusted text.

Invisible characters can hide instructions from a reader, and split words that a filter looks for. All are removed but
those that the letters around them need: joiners in emoji and in Arabic and Indic scripts, variation selectors
of emoji, and the flags of England, Scotland and Wales, which are spelt with tag characters.
Rules of joiners: https://www.unicode.org/reports/tr31/#Layout_and_Format_Control_Characters and
https://www.unicode.org/reports/tr51/#Emoji_ZWJ_Sequences (seen 2026-11-28). All scans are linear.
"""

from __future__ import annotations

import re
import string

# C0 but tab and line ends, DEL, C1 but NEL (U+0085), bidi controls, and the default-ignorable code points of
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt, annotation marks, lone surrogates
_NEVER = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e0fff"
)
_SOMETIMES = "\u180b-\u180f\u200c\u200d\ufe0e\ufe0f\U000e0000-\U000e007f"
UNSAFE = re.compile(f"[{_NEVER}{_SOMETIMES}]")
_ALWAYS_REMOVED = re.compile(f"[{_NEVER}]+")
_UNFINISHED = re.compile(
    rf"(?:[{_SOMETIMES}\ud800-\udbff]+|\x1b(?:\[[0-?]*+[ -/]*+|[ -/]++|[\]PX^_][^\x07\x1b]*+\x1b?)?)\Z"
)
_UNFINISHED_WINDOW = 200

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ESCAPE = re.compile(
    r"\x1b\[[0-?]*+[ -/]*+[@-~]"  # CSI: colours, cursor, erasing
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # OSC, DCS, APC, PM, SOS
    r"|\x1b[ -/]*+[0-~]"
)
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\u3030"
    "\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_ARABIC = "\u0600-\u08ff\u1807-\u18af\ufb50-\ufdff\ufe70-\ufefc\U00010d00-\U00010fff\U0001e900-\U0001e95f"
"""Scripts whose letters join."""

_INDIC = "\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1900-\u1cff\ua800-\ua8ff\ua980-\uabff\U00011000-\U00011fff"
_VIRAMA = (
    "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0e3a\u0eba\u0f84\u1039\u103a"
    "\u1714\u1715\u1734\u17d2\u1a60\u1b44\u1baa\u1bab\u1bf2\u1bf3\u2d7f\ua806\ua82c\ua8c4\ua953\ua9c0\uaaf6\uabed"
    "\U00010a3f\U00011046\U00011070\U0001107f\U000110b9\U00011133\U00011134\U000111c0\U00011235\U000112ea"
    "\U0001134d\U00011442\U000114c2\U000115bf\U0001163f\U000116b6\U0001172b\U00011839\U0001193d\U0001193e"
    "\U000119e0\U00011a34\U00011a47\U00011a99\U00011c3f\U00011d44\U00011d45\U00011d97"
)
"""Canonical combining class 9: https://www.unicode.org/Public/UCD/latest/ucd/UnicodeData.txt"""

_FLAGS = "|".join("".join(chr(0xE0000 + ord(c)) for c in place) + "\U000e007f" for place in ("gbeng", "gbsct", "gbwls"))
_TAGS = re.compile(f"(\U0001f3f4(?:{_FLAGS}))|[\U000e0000-\U000e007f]")
_STYLES = re.compile(
    f"(?<![{_EMOJI}0-9#*])[\ufe0e\ufe0f]|(?<=[0-9#*])[\ufe0e\ufe0f](?!\u20e3)|(?<![\u1820-\u18aa])[\u180b-\u180f]"
)
_REPEATED = re.compile("([\u200c\u200d])[\u200c\u200d]+")
_J = "[\u200c\u200d]"
_JOINERS = re.compile(
    f"{_J}(?!(?<=[{_VIRAMA}]{_J})|(?<=[{_INDIC}]{_J})[{_INDIC}]|(?<=[{_ARABIC}]{_J})[{_ARABIC}]|(?<=[{_ARABIC}]\u200d)"
    f"|(?<=[{_EMOJI}]\u200d)[{_EMOJI}]|(?<=[{_EMOJI}]\ufe0f\u200d)[{_EMOJI}])"
)


def clean_text(text: str) -> str:
    """Removes escape sequences, control, bidi and invisible characters and lone surrogates.

    Tabs, line ends and U+0085 stay; a surrogate pair written as two escapes becomes its character.
    """
    if not UNSAFE.search(text):
        return text
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    text = _PAIR.sub(lambda m: m.group().encode("utf-16", "surrogatepass").decode("utf-16"), text)
    text = _TAGS.sub(r"\1", _ALWAYS_REMOVED.sub("", text))
    return _JOINERS.sub("", _REPEATED.sub(r"\1", _STYLES.sub("", text)))


def unfinished(text: str) -> str:
    """The end of a streamed text that further text may turn into an escape sequence or an emoji; "" = none."""
    found = _UNFINISHED.search(text[-_UNFINISHED_WINDOW:])
    return found.group() if found else ""


_SPACES = re.compile(r"\s+")
_ODD_SPACE = re.compile(r"[^\S ]|  |^ | \Z")


def one_line(text: str) -> str:
    """Formats a name, id or title for a line of text: cleaned, each run of white space replaced by one space."""
    text = clean_text(text)
    return _SPACES.sub(" ", text).strip() if _ODD_SPACE.search(text) else text


CUT = "…"
"""Marks where text was shortened."""

_TOKEN_CHARS = string.ascii_letters + string.digits + "+/=_.%~-"
_TOKEN_FROM = 4
"""Shorter runs of such characters are taken for words."""


def shorten(text: str, limit: int) -> str:
    """Shortens `text` to `limit` characters, never inside what may be a key: half a key cannot be found any more."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    whole = cut.rstrip(_TOKEN_CHARS)
    return (whole if len(cut) - len(whole) >= _TOKEN_FROM else cut).rstrip() + CUT
