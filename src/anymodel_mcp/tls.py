"""TLS as the environment configures it: which authorities are trusted, and what is wrong with that configuration.

Of the usual variables SSL_CERT_FILE and SSL_CERT_DIR are honoured, in this order, as in httpx2 (2.16.2,
`httpcore2/_ssl.py`, read 2026-11-28).
REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and NODE_EXTRA_CA_CERTS belong to other programs and are not read.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx2

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.redact import shorten

CERT_FILE, CERT_DIR = "SSL_CERT_FILE", "SSL_CERT_DIR"
OTHER_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Variables with the same purpose that other programs read; mentioned in hints only."""

_ALSO_READ = ("SSLKEYLOGFILE", "OPENSSL_CONF", "OPENSSL_MODULES")
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+", re.IGNORECASE)


def open_tls(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """A client context that trusts what the environment names, else what the system trusts. Takes some 50 ms.

    Raises:
        ConfigError: a variable names something that cannot be used.
    """
    try:
        if cert_file := environ.get(CERT_FILE):
            _check_file(cert_file)
            return ssl.create_default_context(cafile=cert_file)
        if cert_dir := environ.get(CERT_DIR):
            _check_folder(cert_dir)
            return ssl.create_default_context(capath=cert_dir)
        return httpx2.create_ssl_context(trust_env=False)
    except OSError as error:
        raise _refused(error, environ) from error


def trust_variable(environ: Mapping[str, str]) -> str | None:
    """The variable that says which authorities are trusted; `None`: the system does."""
    return next((name for name in (CERT_FILE, CERT_DIR) if environ.get(name)), None)


def _check_file(path: str) -> None:
    place = Path(path)
    if not place.exists():
        raise _wrong(CERT_FILE, path, "there is no such file")
    if not place.is_file():  # reading a pipe would block
        raise _wrong(CERT_FILE, path, "it is not a file")


def _check_folder(paths: str) -> None:
    """Checks the folder, because OpenSSL accepts any folder silently and then trusts nobody."""
    folders = [Path(path) for path in paths.split(os.pathsep) if path]
    found = [folder for folder in folders if folder.is_dir()]
    if not found:
        raise _wrong(CERT_DIR, paths, "there is no such folder")
    if not any(_HASHED.fullmatch(name) for folder in found for name in os.listdir(folder)):
        raise _wrong(CERT_DIR, paths, "it holds no certificates that OpenSSL finds (openssl rehash prepares a folder)")


def _wrong(variable: str, value: str, why: str) -> ConfigError:
    return ConfigError(
        f"{variable} names {shorten(value, 300)}, which cannot be used: {why}",
        code="tls",
        fix=f"Unset {variable} to trust the authorities of the system, or set it to the right place.",
    )


def _refused(error: OSError, environ: Mapping[str, str]) -> ConfigError:
    """The configuration error of a failure that Python or OpenSSL reports."""
    why = _reason(error)
    for name in (CERT_FILE, CERT_DIR, *_ALSO_READ):
        if (value := environ.get(name)) and error.filename == value:
            return _wrong(name, value, why)
    if (variable := trust_variable(environ)) is not None:
        return _wrong(variable, environ[variable], why)
    named = [name for name in _ALSO_READ if environ.get(name)]
    return ConfigError(
        f"TLS cannot be set up: {why}",
        code="tls",
        fix=f"Check {' and '.join(named) or 'the OpenSSL of this Python'}.",
    )


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        if "NO_CERTIFICATE" in (error.reason or ""):
            return "it holds no certificate in PEM form"
        return f"OpenSSL cannot read it ({error.reason or error})"
    return error.strerror or str(error)
