"""Settings of the video encoders that this project knows; others run on ffmpeg's own defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.pixels import Layout
from reconet_cli.video.ffmpeg.process import about


@dataclass(frozen=True)
class Encoder:
    """Defaults of an encoder: `crf`, `preset` None where it has no such setting; `even` if sizes must be.

    `pixel_format` is the usual one, None to let ffmpeg choose; `sixteen_bit` the one of 10 and more bits, `alpha` the
    one with transparency and `alpha_sixteen_bit` the one with both, empty where there is none. `quality` is the
    encoder's own name of what --crf sets; with `upload`, frames have to be brought to the chip by a filter.
    """

    crf: int | None = None
    preset: str | None = None
    even: bool = True
    pixel_format: str | None = "yuv420p"
    sixteen_bit: str = ""
    alpha: str = ""
    alpha_sixteen_bit: str = ""
    quality: str = "crf"
    upload: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def takes(self, layout: Layout) -> Layout:
        """What of the depth and transparency of `layout` can be kept."""
        alpha = layout.alpha and bool(self.alpha)
        return Layout(layout.sixteen_bit and bool(self.alpha_sixteen_bit if alpha else self.sixteen_bit), alpha)

    def format_of(self, layout: Layout) -> str | None:
        """The pixel format for frames of `layout`."""
        kept = self.takes(layout)
        if kept.alpha:
            return self.alpha_sixteen_bit if kept.sixteen_bit else self.alpha
        return self.sixteen_bit if kept.sixteen_bit else self.pixel_format


NAMES = {
    "h264": "libx264",
    "hevc": "libx265",
    "h265": "libx265",
    "av1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "prores": "prores_ks",
}
_P10 = "yuv420p10le"
ENCODERS = {
    "libx264": Encoder(18, "veryfast", sixteen_bit=_P10),
    "libx265": Encoder(20, "veryfast", sixteen_bit=_P10, options={"x265-params": "log-level=error"}),
    "libsvtav1": Encoder(28, "8", sixteen_bit=_P10),
    "libvpx-vp9": Encoder(
        24, even=False, sixteen_bit=_P10, alpha="yuva420p",
        options={"b:v": 0, "deadline": "good", "cpu-used": 5, "row-mt": 1},
    ),
    "prores_ks": Encoder(
        even=False, pixel_format="yuv422p10le", sixteen_bit="yuv422p10le", alpha="yuva444p10le",
        alpha_sixteen_bit="yuva444p10le", options={"vendor": "apl0"},
    ),
    "mpeg4": Encoder(even=False, options={"q:v": 2}),
    "gif": Encoder(even=False, pixel_format="rgb24", alpha="rgba"),
    "apng": Encoder(even=False, pixel_format="rgb24", alpha="rgba"),
    "libwebp_anim": Encoder(even=False, alpha="yuva420p", options={"quality": 90}),
}  # fmt: skip
for _name in ("h264", "hevc", "av1"):
    _ten_bit = "" if _name == "h264" else "p010le"  # no chip makes ten-bit H.264
    ENCODERS |= {
        f"{_name}_nvenc": Encoder(20, "p4", sixteen_bit=_ten_bit, quality="cq", options={"rc": "vbr", "b:v": 0}),
        f"{_name}_videotoolbox": Encoder(pixel_format="nv12", sixteen_bit=_ten_bit, options={"q:v": 65}),
        f"{_name}_qsv": Encoder(20, "veryfast", pixel_format="nv12", sixteen_bit=_ten_bit, quality="global_quality"),
        f"{_name}_vaapi": Encoder(20, pixel_format="nv12", sixteen_bit=_ten_bit, quality="qp", upload=True),
    }
# What a picture's ending stands for: ffmpeg's encoder and its settings.
PICTURES = {
    ".jpg": ("mjpeg", Encoder(even=False, pixel_format="yuvj444p", options={"q:v": 2})),
    ".png": (
        "png",
        Encoder(even=False, pixel_format="rgb24", sixteen_bit="rgb48be", alpha="rgba", alpha_sixteen_bit="rgba64be"),
    ),
    ".webp": ("libwebp", Encoder(even=False, alpha="yuva420p", options={"quality": 92})),
    ".bmp": ("bmp", Encoder(even=False, pixel_format="bgr24")),
    ".tif": (
        "tiff",
        Encoder(even=False, pixel_format="rgb24", sixteen_bit="rgb48le", alpha="rgba", alpha_sixteen_bit="rgba64le"),
    ),
}
UNKNOWN = Encoder(even=True, pixel_format=None)


def encoder_options(codec: str, crf: int | None, preset: str | None) -> dict[str, Any]:
    """Settle the options of an encoder. Raises MediaError where it has no such setting."""
    known = ENCODERS.get(codec, UNKNOWN)
    options: dict[str, Any] = {"c:v": codec, **known.options}
    settings = (("crf", known.quality, crf, known.crf), ("preset", "preset", preset, known.preset))
    for name, key, given, usual in settings:
        if given is not None and codec in ENCODERS and usual is None:
            raise MediaError(f"the encoder {codec} has no --{name}", f"leave --{name} away")
        value = usual if given is None else given
        if value is not None:
            options[key] = value
    return options


def check_encoder(program: str, codec: str) -> None:
    """Raise MediaError where this ffmpeg has no video encoder of that name."""
    if not about(program, "-h", f"encoder={codec}").startswith(b"Encoder "):
        raise MediaError(f"this ffmpeg has no encoder {codec!r}", f"`{program} -encoders` lists them")
