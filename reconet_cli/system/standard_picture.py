"""Pictures that say something about themselves that not every program reads, as pictures without such words.

That is an orientation (EXIF in JPEG, PNG and WebP, a tag in TIFF), a color profile (ICC), colors that are mixed from
four inks (CMYK), or that it is put together from tiles, turned and mirrored (HEIC, AVIF).
"""

from __future__ import annotations

import io
import re
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

_ANIMATED = ("PNG", "WEBP", "AVIF")  # where more than one picture in a file means a moving one
_ORIENTATION, _BITS = 0x0112, 258  # EXIF's and TIFF's numbers of these tags
_SAME = 2  # code values by which colors may differ that count as the same
_LONGEST_NAME = 40
_KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")  # by Pillow's names
# What shows, at a glance, that a picture may need work: Pillow takes longer to load than a small picture to be read.
_SIGNS = {
    # Profiles, and headers of frames with four components.
    b"\xff\xd8\xff": (b"ICC_PROFILE\0", b"\xff\xc0\0\x14\x08", b"\xff\xc1\0\x14\x08", b"\xff\xc2\0\x14\x08"),
    b"\x89PNG": (b"iCCP", b"eXIf"),
    b"RIFF": (b"ICCP", b"EXIF"),
    b"II*\0": (b"",),
    b"MM\0*": (b"",),
}
# What photographs in a box of ISO's say that they are, but for the moving ones, which are videos to all readers.
_PHOTOGRAPHS = (b"avif", b"mif1", b"heic", b"heix", b"heim", b"heis")
HEAD = 12  # bytes
_NCLX = re.compile(rb"colrnclx..(..)", re.DOTALL)  # the transfer function, by ITU-T H.273
_HDR = (16, 18)  # PQ and HLG
_DEPTH = re.compile(rb"pixi\0\0\0\0[\x01\x03]([\x01-\x10]{1,3})", re.DOTALL)  # bits of each channel


@dataclass(frozen=True)
class Standard:
    """A picture, upright, in sRGB: `pixels` (H, W, 3), or (H, W, 4) with opacity, uint8 or uint16 over its whole range.

    `changes` says what was done, for people: "its color profile (Display P3) is converted to sRGB".
    """

    pixels: np.ndarray
    changes: tuple[str, ...]

    def png(self) -> bytes:
        """A PNG file of the pixels, little packed."""
        swapped = cv2.COLOR_RGBA2BGRA if self.pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
        made = cv2.imencode(".png", cv2.cvtColor(self.pixels, swapped), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
        return bytes(made)


def opaque(data: bytes) -> Standard | None:
    """A picture file's contents in 8 bits without transparency, whatever kind it is; None where it cannot be read."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        return None
    return None if pixels is None else Standard(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), ())


def may_need_work(head: bytes) -> bool:
    """True where a file's first `HEAD` bytes are those of a kind of picture that `standard` knows."""
    return bool(_signs(head))


def is_photograph(head: bytes) -> bool:
    """True where a file's first `HEAD` bytes are those of HEIC or AVIF, whose tiles old readers take for pictures."""
    return head[4:8] == b"ftyp" and head[8:12] in _PHOTOGRAPHS


def _signs(data: bytes) -> tuple[bytes, ...]:
    if is_photograph(data):
        return (b"",)
    if data[:4] == b"RIFF" and data[8:12] != b"WEBP":  # AVI and WAV begin like that, too
        return ()
    return _SIGNS.get(data[:4]) or _SIGNS.get(data[:3], ())


def standard(data: bytes) -> Standard | None:
    """Make a picture file's contents upright and sRGB.

    None where every program shows the file alike as it is, where it moves, and where it is damaged or no picture: then
    its usual reader has something to say. A JPEG that is only turned counts as such; its readers know orientations.
    """
    if not any(sign in data for sign in _signs(data)):
        return None
    from PIL import Image

    if is_photograph(data):
        _learn_heic()

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_KINDS) as picture:
                return _standard(picture, data)
    # Pillow's readers raise all of these, and more, over damaged files.
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, Image.DecompressionBombError):
        return None


def _standard(picture: Any, data: bytes) -> Standard | None:
    from PIL import ImageOps

    if picture.format in _ANIMATED and getattr(picture, "is_animated", False):
        return None
    orientation = picture.getexif().get(_ORIENTATION, 1)
    turned = orientation in range(2, 9)
    profile = picture.info.get("icc_profile") or b""
    inks = picture.mode == "CMYK"
    if _is_deep(picture, data):
        return _deep(data, orientation if picture.format == "PNG" else 1, turned, profile)
    changes = []
    upright = ImageOps.exif_transpose(picture)
    colors = None if inks else _plain(upright)
    if profile:
        converted, change = _converted(upright, profile)
        colors = converted or colors
        changes += [change] if change else []
    if inks and colors is None:
        colors = upright.convert("RGB")
        changes.append("its inks (CMYK) become RGB without a color profile")
    photograph = picture.format in ("AVIF", "HEIF")
    if photograph:
        changes += _lost(data)
    elif not changes and (not turned or picture.format in ("JPEG", "MPO")):
        return None
    if turned and not photograph:  # there all readers turn it
        changes.append("it is turned upright")
    return Standard(np.asarray(colors), tuple(changes))


@lru_cache(maxsize=1)
def _learn_heic() -> None:
    """Let Pillow read HEIC, where its plug-in is there."""
    with suppress(ImportError):
        from pi_heif import register_heif_opener

        register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _lost(data: bytes) -> list[str]:
    """What of an AVIF or HEIC picture Pillow does not hand on."""
    lost = []
    if any(int.from_bytes(match[1], "big") in _HDR for match in _NCLX.finditer(data)):
        lost.append("its high dynamic range stays as it is, which looks pale")
    depths = [match[1] for match in _DEPTH.finditer(data)]
    if any(max(depth) > 8 for depth in depths):
        lost.append("of its more than 8 bits a channel 8 are read")
    return lost


def _plain(picture: Any) -> Any:
    """A picture as RGB, or RGBA where it has transparent parts."""
    transparent = picture.has_transparency_data
    return picture.convert("RGBA" if transparent else "RGB")


def _converted(picture: Any, profile: bytes) -> tuple[Any, str]:
    """A picture's colors in sRGB, None where they are so already or cannot be converted; and a sentence about it."""
    from PIL import Image, ImageCms

    try:
        space, name = _kind(profile)
        if space == "CMYK" and picture.mode == "CMYK":
            base, mode = picture, "CMYK"
        elif space == "GRAY" and picture.mode in ("L", "LA"):
            base, mode = picture.getchannel("L"), "L"
        elif space == "RGB" and picture.mode != "CMYK":
            base = _plain(picture)
            mode = base.mode
        else:
            raise ImageCms.PyCMSError("a profile of another kind of colors")
        transform, same = _transform(profile, mode)
        if same:
            return None, ""
        colors = ImageCms.applyTransform(base, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None, "its color profile cannot be used and is left out"
    assert isinstance(colors, Image.Image)
    if picture.mode == "LA":
        colors.putalpha(picture.getchannel("A"))
    return colors, f"its color profile ({name}) is converted to sRGB"


@lru_cache(maxsize=8)
def _kind(profile: bytes) -> tuple[str, str]:
    """A profile's kind of colors, and its name."""
    from PIL import ImageCms

    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    name = "".join(c for c in ImageCms.getProfileDescription(opened) if c.isprintable()).strip()
    return opened.profile.xcolor_space.strip(), name[:_LONGEST_NAME] or "ICC"


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> tuple[Any, bool]:
    """The way from a profile to sRGB for pictures of a mode, and whether it changes next to nothing."""
    from PIL import Image, ImageCms

    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, mode if mode == "RGBA" else "RGB")
    if mode == "CMYK":
        return transform, False
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17, -1, 3)
    if mode == "L":
        lattice = np.repeat(lattice[..., :1], 3, axis=-1)
    tried = np.asarray(ImageCms.applyTransform(Image.fromarray(lattice).convert(mode), transform))[..., :3]
    return transform, int(np.abs(tried.astype(int) - lattice).max()) <= _SAME


def _is_deep(picture: Any, data: bytes) -> bool:
    """True for more than 8 bits a channel, which Pillow does not keep in colors."""
    if picture.format == "PNG":
        return data[24] > 8
    return picture.format == "TIFF" and int(max(picture.tag_v2.get(_BITS, (1,)))) > 8


def _deep(data: bytes, orientation: int, turned: bool, profile: bytes) -> Standard | None:
    """The same for more than 8 bits, from a reader that knows TIFF's orientation and no profiles."""
    changes = ["it is turned upright"] if turned else []
    if profile and not _is_srgb(profile):
        changes.append("its color profile is left out: of more than 8 bits a channel no colors are converted")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if not changes or pixels is None or pixels.dtype != np.uint16:
        return None
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    pixels[..., :3] = pixels[..., 2::-1].copy()
    return Standard(np.ascontiguousarray(_upright(pixels, orientation)), tuple(changes))


def _is_srgb(profile: bytes) -> bool:
    from PIL import ImageCms

    try:
        return _kind(profile)[0] == "RGB" and _transform(profile, "RGB")[1]
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror by EXIF's number."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
