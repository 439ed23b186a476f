"""Settings of the video encoders that this project knows; others run on ffmpeg's own defaults."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import Any

from reconet_cli.errors import MediaError


@dataclass(frozen=True)
class Encoder:
    """Defaults of an encoder: `crf`, `preset` None where it has no such setting; `even` if sizes must be."""

    crf: int | None = None
    preset: str | None = None
    even: bool = True
    pixel_format: str | None = "yuv420p"
    options: dict[str, Any] = field(default_factory=dict)


ENCODERS = {
    "libx264": Encoder(18, "veryfast"),
    "libx265": Encoder(20, "veryfast", options={"x265-params": "log-level=error"}),
    "libsvtav1": Encoder(28, "8"),
    "libvpx-vp9": Encoder(24, even=False, options={"b:v": 0, "deadline": "good", "cpu-used": 5, "row-mt": 1}),
    "mpeg4": Encoder(even=False, options={"q:v": 2}),
    "gif": Encoder(even=False, pixel_format=None),
}
UNKNOWN = Encoder(even=True, pixel_format=None)


def encoder_options(codec: str, crf: int | None, preset: str | None) -> dict[str, Any]:
    """Settle the options of an encoder. Raises MediaError where it has no such setting."""
    known = ENCODERS.get(codec, UNKNOWN)
    options: dict[str, Any] = {"c:v": codec, **known.options}
    for name, given, usual in (("crf", crf, known.crf), ("preset", preset, known.preset)):
        if given is not None and codec in ENCODERS and usual is None:
            raise MediaError(f"the encoder {codec} has no --{name}", f"leave --{name} away")
        value = usual if given is None else given
        if value is not None:
            options[name] = value
    return options


def check_encoder(program: str, codec: str) -> None:
    """Raise MediaError where this ffmpeg has no video encoder of that name."""
    asked = subprocess.run(
        [program, "-hide_banner", "-h", f"encoder={codec}"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
    )  # fmt: skip
    if not asked.stdout.startswith(b"Encoder "):
        raise MediaError(f"this ffmpeg has no encoder {codec!r}", f"`{program} -encoders` lists them")
