"""How a frame lies in memory and in a pipe: 8 or 16 bits a channel, with or without transparency."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# Weights of red, green and blue by ITU-R BT.709, as OpenCV's `transform` takes them; `warping` has them for tensors.
LUMA = np.array([[0.2126, 0.7152, 0.0722]], np.float32)


@dataclass(frozen=True)
class Frame:
    """A picture shown at `time` for `duration`, both in seconds.

    `pixels` is RGB (H, W, 3), uint8, or uint16 over its whole range where the source has more than 8 bits;
    `alpha` (H, W) of the same type is its opacity, None where everything is opaque.
    """

    pixels: np.ndarray
    time: Fraction
    duration: Fraction
    alpha: np.ndarray | None = None


@dataclass(frozen=True)
class Layout:
    """Packed RGB or RGBA in 8 bits a channel, or (`sixteen_bit`) 16."""

    sixteen_bit: bool = False
    alpha: bool = False

    @property
    def name(self) -> str:
        """The pixel format by ffmpeg's name."""
        # The codes below mean little-endian samples, which all machines have that this runs on.
        if self.sixteen_bit:
            return "rgba64le" if self.alpha else "rgb48le"
        return "rgba" if self.alpha else "rgb24"

    @property
    def code(self) -> bytes:
        """The four-character code by which ffmpeg knows uncompressed video of this layout."""
        if self.sixteen_bit:
            return b"RBA\x40" if self.alpha else b"RGB\x30"
        return b"RGBA" if self.alpha else b"RGB\x18"

    def empty(self, width: int, height: int) -> np.ndarray:
        """An array (height, width, 3 or 4) to read one frame into."""
        return np.empty((height, width, 4 if self.alpha else 3), np.uint16 if self.sixteen_bit else np.uint8)

    def frame(self, values: np.ndarray, time: Fraction, duration: Fraction) -> Frame:
        """A frame of an array as `empty` makes them."""
        if not self.alpha:
            return Frame(values, time, duration)
        return Frame(np.ascontiguousarray(values[..., :3]), time, duration, np.ascontiguousarray(values[..., 3]))


PLAIN = Layout()


def packed(frame: Frame) -> np.ndarray:
    """A frame's pixels and opacity as one contiguous array (H, W, 3 or 4)."""
    if frame.alpha is None:
        return np.ascontiguousarray(frame.pixels)
    return np.dstack([frame.pixels, frame.alpha])


def layout_of(frame: Frame) -> Layout:
    """The layout that `packed` gives."""
    return Layout(frame.pixels.dtype == np.uint16, frame.alpha is not None)
