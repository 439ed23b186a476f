"""What ffprobe says about an input, as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from reconet_cli.system.json_text import json_value
from reconet_cli.video.probing.color import Color
from reconet_cli.video.probing.info import MediaInfo, Stream, VideoStream, clock

ARGUMENTS = ["-show_format", "-show_streams", "-of", "json"]
_KINDS = ("video", "audio", "subtitle", "data", "attachment")
_RANGES = {"tv": False, "pc": True}
_SPATIAL = {"Spherical Mapping": "360°", "Stereo 3D": "3D"}
_MATRIX_AND_MORE = ("color_space", "color_primaries", "color_transfer")


def parse_json(said: bytes) -> MediaInfo | None:
    """Read ffprobe's answer; None where it could not open the input."""
    try:
        found = json_value(said)
        whole = found["format"]
        streams = tuple(_stream(entry) for entry in found["streams"] if entry.get("codec_type") in _KINDS)
        duration = _fraction(whole.get("duration"))
        return MediaInfo(whole["format_name"], duration, _fraction(whole.get("start_time")) or Fraction(0), streams)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _stream(entry: Mapping[str, Any]) -> Stream:
    codec = entry.get("codec_name", "none")
    tags = {name.lower(): value for name, value in entry.get("tags", {}).items()}
    usual: dict[str, Any] = {
        "index": entry["index"],
        "kind": entry["codec_type"],
        "codec": "none" if codec == "unknown" else codec,
        "language": tags.get("language", ""),
        "flags": frozenset(name for name, is_set in entry.get("disposition", {}).items() if is_set),
        "tag": entry["codec_tag_string"] if re.fullmatch(r"\w{4}", entry.get("codec_tag_string", "")) else "",
    }
    if usual["kind"] != "video":
        return Stream(**usual)
    beside = entry.get("side_data_list", ())
    rotations = [data["rotation"] for data in beside if "rotation" in data]
    crop = {side: sum(data.get(f"crop_{side}", 0) for data in beside) for side in ("left", "right", "top", "bottom")}
    told = {data.get("side_data_type") for data in beside if data.get("type") != "2D"}
    average, step, tick = (_fraction(entry.get(name)) for name in ("avg_frame_rate", "r_frame_rate", "time_base"))
    return VideoStream(
        **usual,
        width=entry.get("width", 0),
        height=entry.get("height", 0),
        aspect=_fraction(entry.get("sample_aspect_ratio", "").replace(":", "/")) or Fraction(1),
        **clock(average, step, 1 / tick if tick else None),
        pixel_format=entry.get("pix_fmt", ""),
        color=_color(entry),
        cover="attached_pic" in usual["flags"],
        interlaced=entry.get("field_order") in ("tt", "bb", "tb", "bt"),
        captions=bool(entry.get("closed_captions")),
        crop=(crop["left"] + crop["right"], crop["top"] + crop["bottom"]),
        rotation=float(rotations[0]) if rotations else 0.0,
        alpha_beside=tags.get("alpha_mode") == "1",
        spatial=frozenset(kind for name, kind in _SPATIAL.items() if name in told),
    )


def _color(entry: Mapping[str, Any]) -> Color:
    full = True if entry.get("pix_fmt", "").startswith("yuvj") else _RANGES.get(entry.get("color_range", ""))
    matrix, primaries, transfer = (entry.get(name, "unknown") for name in _MATRIX_AND_MORE)
    return Color(matrix, primaries, transfer, full)


def _fraction(text: str | None) -> Fraction | None:
    """A number or a quotient; None for what is unknown: nothing, N/A, 0/0."""
    try:
        return Fraction(text or "") or None
    except (ValueError, ZeroDivisionError):
        return None
