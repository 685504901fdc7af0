"""TLS is set up from the environment, and what cannot be used there is named."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.tls import open_tls
from tests.certificates import write_certificate


def _refusal(environ: dict[str, str]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        open_tls(environ)
    failure = caught.value.failure
    assert (failure.kind, failure.retryable) == ("config", False)
    assert failure.fix
    return caught.value


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_place_that_is_not_there_is_named(variable: str) -> None:
    error = _refusal({variable: "/nonexistent/cacert.pem"})
    assert error.failure.message.startswith(f"{variable} names /nonexistent/cacert.pem")
    assert "no such" in error.failure.message
    assert variable in error.failure.fix


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no certificate"), (b"\x00\xff" * 900, "no certificate"), (b"-----BEGIN CERTIFICATE-----\nAA", "")],
    ids=["empty", "binary", "cut"],
)
def test_a_file_without_a_certificate_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    message = _refusal({"SSL_CERT_FILE": str(file)}).failure.message
    assert str(file) in message
    assert words in message


def test_a_folder_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (tmp_path, pipe):
        assert "is not a file" in _refusal({"SSL_CERT_FILE": str(place)}).failure.message


def test_a_folder_that_openssl_finds_nothing_in_is_named(tmp_path: Path) -> None:
    write_certificate(tmp_path, "localhost")
    assert "rehash" in _refusal({"SSL_CERT_DIR": str(tmp_path)}).failure.message


def test_one_good_folder_of_several_is_enough(tmp_path: Path) -> None:
    (tmp_path / "0a1b2c3d.0").write_bytes(write_certificate(tmp_path, "localhost").read_bytes())
    assert isinstance(open_tls({"SSL_CERT_DIR": f"/nonexistent{os.pathsep}{tmp_path}"}), ssl.SSLContext)


def test_a_key_log_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"SSL_CERT_FILE": str(write_certificate(tmp_path, "localhost")), "SSLKEYLOGFILE": "/nonexistent/keys"}
    monkeypatch.setenv("SSLKEYLOGFILE", environ["SSLKEYLOGFILE"])  # Python reads it itself
    assert _refusal(environ).failure.message.startswith("SSLKEYLOGFILE names /nonexistent/keys")


def test_variables_of_other_programs_and_empty_ones_are_not_read(tmp_path: Path) -> None:
    environ = {"REQUESTS_CA_BUNDLE": "/nonexistent", "CURL_CA_BUNDLE": "/nonexistent", "SSL_CERT_FILE": ""}
    context = open_tls(environ)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_only_the_named_authority_is_trusted(tmp_path: Path) -> None:
    context = open_tls({"SSL_CERT_FILE": str(write_certificate(tmp_path, "localhost"))})
    assert [dict(pair[0] for pair in c["subject"])["commonName"] for c in context.get_ca_certs()] == ["localhost"]  # type: ignore[index]
