"""Text files in the encodings that were usual before UTF-8."""

from __future__ import annotations

import pytest

from anymodel_mcp.media.encodings import decode_old, read_text

TEXTS = [
    ("cp932", "次回は金曜日の午後三時です"),
    ("cp932", "ログ: エラーが発生しました 2026-11-28"),
    ("cp932", "name,値\n東京都,1\n大阪府,2"),
    ("gb18030", "下次会议是星期五下午三点"),
    ("gb18030", "错误：无法打开文件"),
    ("euc-kr", "다음 회의는 금요일 오후 3시입니다"),
    ("euc-kr", "로그: 오류가 발생했습니다"),
    ("big5", "下次會議是星期五下午三點"),
    ("big5", "錯誤：無法開啟檔案"),
    ("cp1252", "Café à Nîmes, déjà vu – “quoted”"),
    ("cp1252", "Straße, Größe, Übermut"),
    ("cp1252", "naïve résumé"),
]


@pytest.mark.parametrize(("encoding", "text"), TEXTS)
@pytest.mark.parametrize("before", ["", "2026-11-28 12:00:00 INFO started\n" * 40], ids=["alone", "in a log"])
def test_a_text_is_read_in_its_own_encoding(encoding: str, text: str, before: str) -> None:
    assert decode_old((before + text).encode(encoding)) == (before + text, encoding)


@pytest.mark.parametrize("content", [bytes(range(256)) * 4, b"\x00\x01\x02\x80\x81", b"\x81\x00" * 50])
def test_bytes_that_are_no_text_are_not_read(content: bytes) -> None:
    assert decode_old(content) is None


def test_a_text_with_a_few_zero_bytes_is_a_text() -> None:
    assert read_text(b"started\nfin\0ished\n" + b"more\n" * 50) == ("started\nfinished\n" + "more\n" * 50, "")
    assert read_text("größe\0\n".encode("cp1252") + b"more\n" * 50) == ("größe\n" + "more\n" * 50, "cp1252")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_no_guess(encoding: str) -> None:
    assert read_text("Grüße an alle\n".encode(encoding)) == ("Grüße an alle\n", "")
