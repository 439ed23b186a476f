"""Just enough Matroska to hand ffmpeg raw frames with exact times (RFC 9559; one cluster per frame).

A raw pipe has no times and y4m only a constant rate; this costs some fifty bytes a frame.
"""

from __future__ import annotations

from fractions import Fraction

NANOSECONDS = 10**9
_UNKNOWN_LENGTH = b"\x01" + b"\xff" * 7


def header(width: int, height: int, code: bytes, rate: Fraction, language: str) -> bytes:
    """The stream's head: one uncompressed track of width x height, clock in nanoseconds.

    `code` is ffmpeg's four-character code of the frames' layout; `rate` (frames per second) only the nominal one;
    `language` an ISO 639-2 code or empty.
    """
    ebml = _element("1A45DFA3", _element("4282", b"matroska"), _number("4287", 4), _number("4285", 2))
    info = _element("1549A966", _number("2AD7B1", 1), _element("4D80", b"reconet"), _element("5741", b"reconet"))
    picture = _element("E0", _number("B0", width), _number("BA", height), _element("2EB524", code))
    track = _element(
        "AE",
        _number("D7", 1),
        _number("73C5", 1),
        _number("83", 1),
        _element("86", b"V_UNCOMPRESSED"),
        _element("22B59C", (language or "und").encode()),
        _number("23E383", round(NANOSECONDS / rate)),
        picture,
    )
    return ebml + bytes.fromhex("18538067") + _UNKNOWN_LENGTH + info + _element("1654AE6B", track)


def frame_header(time: Fraction, duration: Fraction, size: int) -> bytes:
    """What goes before a frame of `size` bytes shown at `time` (not negative) for `duration`, in seconds."""
    stamp = _number("E7", round(time * NANOSECONDS))
    length = _number("9B", max(1, round(duration * NANOSECONDS)))
    # Track 1, 0 ticks after the cluster's time, no flags; the frame's bytes follow.
    block = bytes.fromhex("A1") + _length(4 + size) + b"\x81\x00\x00\x00"
    group = bytes.fromhex("A0") + _length(len(length) + len(block) + size) + length + block
    return bytes.fromhex("1F43B675") + _length(len(stamp) + len(group) + size) + stamp + group


def _length(size: int) -> bytes:
    return (size | 1 << 56).to_bytes(8, "big")


def _element(code: str, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes.fromhex(code) + _length(len(content)) + content


def _number(code: str, value: int) -> bytes:
    return _element(code, value.to_bytes(8, "big"))
