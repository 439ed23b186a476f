"""Pictures to learn a style from: fetched where they are on the web, read, and looked at before anything is learned."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np

from reconet_cli.errors import StyleError
from reconet_cli.styles.cards import CARD, PREVIEW, printable
from reconet_cli.styles.downloads import download, public_address
from reconet_cli.styles.finding import expanded, is_url, picture_digest
from reconet_cli.system.pictures import read_on_white
from reconet_cli.system.standard_picture import HEAD, is_photograph

MOST_BYTES = 64 << 20
_SMALLEST_SIDE = 32
_MOST_ASPECT = 20  # no strokes can be told in a strip
# Standard deviation, in code values, of a picture that shows something.
_LEAST_CONTRAST = 1.5
_KINDS = "give a JPEG, PNG, WebP, BMP, TIFF, AVIF or GIF"
# How videos begin, apart from those in boxes of ISO's: Matroska, AVI, MPEG's program and transport streams.
_VIDEOS = (b"\x1aE\xdf\xa3", b"\0\0\x01\xba", b"G@")


@dataclass(frozen=True)
class StylePicture:
    """A picture that a style can be learned from.

    `path` is its file, `name` what that is called where it is kept, `digest` tells its contents from others. `given` is
    what it was called by the user, `address` where it was fetched; both are for people.
    """

    path: Path
    name: str
    digest: str
    given: str
    address: str = ""

    @property
    def title(self) -> str:
        """What a style of it would be called."""
        return Path(self.name).stem

    @cached_property
    def pixels(self) -> np.ndarray:
        """RGB uint8 `(H, W, 3)`. Raises `StyleError` where nothing can be learned from it."""
        return read_style_picture(self.path, self.given)


@contextmanager
def style_picture(style: str) -> Iterator[StylePicture]:
    """A picture by its path or web address; what was fetched goes away after the block. Raises `StyleError`."""
    if not is_url(style):
        path = expanded(style)
        _check_size(path, style)
        try:
            picture = StylePicture(path, _file_name(path.name), picture_digest(path), style)
        except OSError as problem:
            raise StyleError(f"cannot read {style}: {problem.strerror or problem}", "check the name") from problem
        yield picture
        return
    with tempfile.TemporaryDirectory(prefix="reconet-") as scratch:
        name = Path(unquote(urlsplit(style).path)).name or "picture"
        fetched, address = Path(scratch) / "fetched", public_address(style)
        download(style, fetched, MOST_BYTES)
        yield StylePicture(fetched, _file_name(name), picture_digest(fetched), address, address)


def read_style_picture(path: Path, name: str = "") -> np.ndarray:
    """A picture as RGB uint8 `(H, W, 3)`. Raises `StyleError` where nothing can be learned from it."""
    name = name or str(path)

    def unreadable(message: str, hint: str) -> StyleError:
        return _no_picture(name) if _is_video(path) else StyleError(message.replace(str(path), name), hint)

    _check_size(path, name)
    try:
        pixels = read_on_white(path, unreadable)
    except (OSError, MemoryError, cv2.error) as problem:
        raise StyleError(f"cannot read {name}: {getattr(problem, 'strerror', '') or problem}", _KINDS) from problem
    height, width = pixels.shape[:2]
    short, long = sorted((height, width))
    if short < _SMALLEST_SIDE:
        raise StyleError(f"{name} has {width}x{height} pixels", f"a style needs {_SMALLEST_SIDE} on each side")
    if long > _MOST_ASPECT * short:
        raise StyleError(f"{name} is a strip of {width}x{height} pixels", "cut out a part of it")
    if _contrast(pixels) < _LEAST_CONTRAST:
        raise StyleError(f"{name} shows one color only", "give a picture with strokes or shapes")
    return pixels


def _check_size(path: Path, name: str) -> None:
    """Raise `StyleError` for a file that is too large to be read at once. One that is not there is nothing to this."""
    with suppress(OSError):
        if path.stat().st_size > MOST_BYTES:
            too_large = StyleError(f"{name} is larger than {MOST_BYTES >> 20} MB", "save it as a JPEG")
            raise _no_picture(name) if _is_video(path) else too_large


def _no_picture(name: str) -> StyleError:
    return StyleError(f"{name} is a video, not a picture", "save one of its frames as a picture")


def _contrast(pixels: np.ndarray) -> float:
    small = cv2.resize(pixels, (min(256, pixels.shape[1]), min(256, pixels.shape[0])), interpolation=cv2.INTER_AREA)
    return float(small.reshape(-1, 3).std(axis=0).max())


def _is_video(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    boxed = head[4:8] == b"ftyp" and not is_photograph(head)
    return boxed or head.startswith(_VIDEOS) or (head[:4] == b"RIFF" and head[8:] == b"AVI ")


def _file_name(name: str) -> str:
    """A name under which a picture can lie beside a style's weights, card and preview."""
    plain = "".join("-" if c in '/\\:*?"<>|' else c for c in printable(name)).lstrip(".-")
    while len(plain.encode()) > 100:
        plain = plain[1:]
    if plain.lower() in ("", CARD, PREVIEW) or plain.lower().endswith(".safetensors"):
        return f"picture-{plain}" if plain else "picture"
    return plain
