"""Color properties of a stream, and the ffmpeg settings that keep them."""

from __future__ import annotations

import re
from dataclasses import dataclass

HD_LINES = 720
_UNKNOWN = ("unknown", "reserved", "")
# ffmpeg's names of YUV matrices -> names that the scale filter knows.
_SCALE_MATRIX = {
    "bt709": "bt709",
    "smpte170m": "bt601",
    "bt470bg": "bt601",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}
_HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
# Without these flags swscale takes short cuts that cost up to several code values.
_EXACT_FLAGS = "accurate_rnd+full_chroma_int+full_chroma_inp"
SCALE_FLAGS = f"bicubic+{_EXACT_FLAGS}"
# For frames that keep their size: each chroma sample stands for the pixels that it was taken from. That takes half the
# time, and comes back closer to what it was than chroma that was smoothed.
SAME_SIZE_FLAGS = f"neighbor+{_EXACT_FLAGS}"


@dataclass(frozen=True)
class Color:
    """Matrix, primaries, transfer by ffmpeg's names ("unknown" where untagged); `full` None if untagged."""

    matrix: str = "unknown"
    primaries: str = "unknown"
    transfer: str = "unknown"
    full: bool | None = None

    @property
    def hdr(self) -> str:
        """`PQ` or `HLG` for a high-dynamic-range transfer, else an empty string."""
        return _HDR.get(self.transfer, "")

    def settled(self, height: int) -> Color:
        """The same with every gap filled: untagged is bt709 from 720 lines up, else bt601; limited range.

        A matrix that swscale cannot do (RGB, ICtCp, …) counts as untagged: the frames are RGB by then.
        """
        usual = "bt709" if height >= HD_LINES else "smpte170m"
        matrix = self.matrix if self.matrix in _SCALE_MATRIX else usual
        kin = "smpte170m" if matrix in ("smpte170m", "bt470bg") else "bt709"
        if matrix.startswith("bt2020"):
            kin = "bt2020"
        primaries = kin if self.primaries in _UNKNOWN else self.primaries
        transfer = {"bt2020": "bt2020-10"}.get(kin, kin) if self.transfer in _UNKNOWN else self.transfer
        return Color(matrix, primaries, transfer, bool(self.full))

    def scale_in(self) -> dict[str, str]:
        """Options of the scale filter that read frames of this (settled) color."""
        return {"in_color_matrix": _SCALE_MATRIX[self.matrix], "in_range": self._range}

    def scale_out(self) -> dict[str, str]:
        """Options of the scale filter that make frames of this (settled) color."""
        return {"out_color_matrix": _SCALE_MATRIX[self.matrix], "out_range": self._range}

    def filter_tags(self) -> dict[str, str]:
        """Options of the setparams filter that mark frames with this (settled) color."""
        return {
            "range": self._range,
            "colorspace": self.matrix,
            "color_primaries": self.primaries,
            "color_trc": self.transfer,
        }

    def encoder_tags(self) -> dict[str, str]:
        """The same for the encoder, which in older ffmpegs does not look at the frames' own."""
        tags = self.filter_tags()
        return {"colorspace": tags.pop("colorspace"), "color_range": tags.pop("range"), **tags}

    @property
    def _range(self) -> str:
        return "pc" if self.full else "tv"


def has_alpha(pixel_format: str) -> bool:
    """True for formats with a transparency channel, or a palette that may have transparent colors."""
    marks = ("rgba", "bgra", "argb", "abgr", "yuva", "gbrap", "ya8", "ya16", "ayuv", "pal8")
    return any(mark in pixel_format for mark in marks)


def has_high_bit_depth(pixel_format: str) -> bool:
    """True for formats of more than 8 bits a channel."""
    # Only samples of several bytes have an endianness; packed 16-bit RGB has one, too.
    return pixel_format.endswith(("le", "be")) and not re.search("(444|555|565)[lb]e$", pixel_format)


def is_rgb(pixel_format: str) -> bool:
    """True for formats that have no YUV matrix to undo."""
    return any(mark in pixel_format for mark in ("rgb", "bgr", "gbr", "pal8", "mono"))
