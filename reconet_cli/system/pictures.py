"""Picture files as arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from reconet_cli.system.standard_picture import standard

# Called with what is wrong and what to do about it.
Problem = Callable[[str, str], Exception]


_SHEETS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


def sheet_format(path: Path, error: Problem) -> str:
    """Pillow's name for the kind of picture that a sheet's ending asks for; `error` for any other ending."""
    kind = _SHEETS.get(path.suffix.lower())
    if kind is None:
        raise error(f"{path} is no picture by its ending", f"endings: {', '.join(_SHEETS)}")
    return kind


def read_rgb(path: Path, error: Problem) -> np.ndarray:
    """A picture as RGB uint8 `(H, W, 3)`, upright, in sRGB; gray ones get three equal channels.

    A missing, foreign or damaged file is raised as the caller's kind of `error`.
    """
    data = _read(path, error)
    if (picture := standard(data)) is not None:
        pixels = picture.pixels[..., :3]
        return np.ascontiguousarray(pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8))
    return cv2.cvtColor(_decode(path, data, cv2.IMREAD_COLOR, error), cv2.COLOR_BGR2RGB)


def read_on_white(path: Path, error: Problem) -> np.ndarray:
    """The same; what is transparent lies on white, as most programs show it."""
    data = _read(path, error)
    picture = standard(data)
    pixels = picture.pixels if picture else _with_opacity(data)
    if pixels is None or pixels.shape[2] != 4:
        return read_rgb(path, error)
    most = np.iinfo(pixels.dtype).max
    opacity = pixels[..., 3:].astype(np.float32) / most
    on_white = pixels[..., :3] / np.float32(most) * opacity + (1 - opacity)
    shown: np.ndarray = (on_white * 255).round().astype(np.uint8)
    return shown


def read_gray(path: Path, error: Problem) -> np.ndarray:
    """The same as uint8 `(H, W)`, colors as their luma."""
    return _decode(path, _read(path, error), cv2.IMREAD_GRAYSCALE, error)


def _read(path: Path, error: Problem) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise error(f"{path} is missing", "") from None
    except OSError as problem:
        raise error(f"cannot read {path}: {problem.strerror or problem}", "") from problem


def _with_opacity(data: bytes) -> np.ndarray | None:
    """A picture as RGBA `(H, W, 4)`, None where all of it is opaque: JPEGs are, and the turned ones are among them."""
    if data[:2] == b"\xff\xd8":
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:
        return None
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype not in (np.uint8, np.uint16):
        return None
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)


def _decode(path: Path, data: bytes, mode: int, error: Problem) -> np.ndarray:
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), mode) if data else None
    except cv2.error:
        picture = None
    if picture is None:
        raise error(
            f"{path} is no picture, or it is damaged or cut off",
            "JPEG, PNG, WebP, BMP, TIFF and AVIF can be read, and HEIC with the Python package pi-heif",
        )
    return picture
