"""Neighboring frames of a clip with estimated flow and visibility."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reconet_cli.errors import MediaError
from reconet_cli.flow import estimate_flow
from reconet_cli.video.probing.examine import Input, look_at
from reconet_cli.video.probing.source import file_source
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader
from reconet_cli.warping import visibility_mask

METHOD = "dis-medium"
# Pairs kept of each clip, and how far into it they are taken from.
PAIRS = 12
SECONDS = Fraction(8)


@dataclass(frozen=True)
class ClipMotion:
    """P pairs of neighboring frames of one clip.

    `previous` and `current` are uint8 `(P, H, W, 3)`, `flow` is current→previous in pixels, float16 `(P, 2, H, W)`,
    `mask` bool `(P, 1, H, W)`, true where a pixel can be traced.
    """

    previous: Tensor
    current: Tensor
    flow: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.current)


# What one pixel of a pair takes: two frames, flow, mask.
BYTES_A_PIXEL = 3 + 3 + 2 * 2 + 1


@dataclass(frozen=True)
class OpenedClip:
    """A clip that has been probed; `size` is (width, height) of the frames that are kept of it."""

    program: str
    found: Input
    size: tuple[int, int]

    @property
    def stride(self) -> int:
        """One pair is kept out of so many frames."""
        return max(2, int(self._seconds * self.found.video.rate) // PAIRS)

    @property
    def expected_bytes(self) -> int:
        """About what its motion will take, as far as its header tells the truth."""
        pairs = max(0, int(self._seconds * self.found.video.rate) - 2) // self.stride + 1
        return min(PAIRS, pairs) * self.size[0] * self.size[1] * BYTES_A_PIXEL

    @property
    def _seconds(self) -> Fraction | float:
        return min(SECONDS, self.found.info.duration or SECONDS)


def open_clip(program: str, file: Path, short_side: int) -> OpenedClip:
    """Probe a clip whose frames are to have a `short_side` in pixels, with ffmpeg's `program`.

    Raises `MediaError` for what is no video.
    """
    found = look_at(program, file_source(file))
    width, height = found.video.shown_size
    factor = Fraction(short_side, min(width, height))
    size = (max(short_side, round(width * factor)), max(short_side, round(height * factor)))
    return OpenedClip(program, found, size)


def read_motion(clip: OpenedClip, should_stop: Callable[[], bool] = lambda: False) -> ClipMotion:
    """Up to 12 pairs from a clip's first 8 seconds; flow is DIS (medium), visibility the two-way check.

    Raises `MediaError` for a clip that cannot be decoded or has no two frames, `FlowError` where DIS fails, and
    `KeyboardInterrupt` once `should_stop`.
    """
    frames, flows, masks = [], [], []
    with closing(_neighbors(clip)) as neighbors:
        for previous, current in neighbors:
            if should_stop():
                raise KeyboardInterrupt
            flow, reverse = _flow(current, previous), _flow(previous, current)
            frames.append((previous, current))
            flows.append(flow.half())
            masks.append(visibility_mask(flow, reverse).bool())
    if not frames:
        raise MediaError("it has fewer than two frames")
    before, after = (torch.from_numpy(np.stack(side)) for side in zip(*frames, strict=True))
    return ClipMotion(before, after, torch.cat(flows), torch.cat(masks))


def _flow(a: np.ndarray, b: np.ndarray) -> Tensor:
    return torch.from_numpy(estimate_flow(a, b, METHOD))[None]


def _neighbors(clip: OpenedClip) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Up to `PAIRS` pairs of neighboring frames, spread over the first seconds."""
    options = ReadOptions(size=clip.size, duration=SECONDS)
    before: np.ndarray | None = None
    found = 0
    with closing(FfmpegReader(clip.program, clip.found, options)) as reader:
        for index, frame in enumerate(reader):
            if before is not None and index % clip.stride == 1:
                yield before, frame.pixels
                found += 1
                if found == PAIRS:
                    return
            before = frame.pixels
