"""One file from the web: http and https only, wherever it is redirected to, and of bounded size."""

from __future__ import annotations

import http.client
import logging
from pathlib import Path
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit

from reconet_cli import __version__
from reconet_cli.errors import StyleError

log = logging.getLogger("reconet")

_PATIENCE = 30  # seconds without a byte
_BLOCK = 1 << 18


def public_address(url: str) -> str:
    """An address as it may be shown and kept: without a password, and without a query, which may be one."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an invalid address"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def download(url: str, target: Path, most: int) -> None:
    """Write what is at an address into `target`, at most `most` bytes. Raises `StyleError`."""
    shown = public_address(url)
    log.info("fetching %s", shown)
    try:
        asked = request.Request(url, headers={"User-Agent": f"reconet/{__version__}"})
        with _opener().open(asked, timeout=_PATIENCE) as answer, target.open("wb") as file:
            expected = answer.headers.get("Content-Length", "")
            size = 0
            while block := answer.read(_BLOCK):
                size += len(block)
                if size > most:
                    raise StyleError(f"{shown} is larger than {most >> 20} MB", "styles and their pictures are smaller")
                file.write(block)
    except HTTPError as problem:
        raise StyleError(f"cannot fetch {shown}: {problem.code} {problem.reason}", "check the address") from problem
    except (OSError, ValueError, http.client.HTTPException) as problem:
        reason = problem.reason if isinstance(problem, URLError) else problem
        raise StyleError(f"cannot fetch {shown}: {reason}", "check the address and the network") from problem
    if expected.isdecimal() and size != int(expected):
        raise StyleError(f"cannot fetch {shown}: {size} of {expected} bytes have come", "try again")


def _opener() -> request.OpenerDirector:
    """Python's own, without the handlers that open files and FTP."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler, request.UnknownHandler, request.HTTPHandler, request.HTTPSHandler,
        request.HTTPDefaultErrorHandler, request.HTTPRedirectHandler, request.HTTPErrorProcessor,
    ):  # fmt: skip
        opener.add_handler(handler())
    return opener
