"""Frame pairs from real clips: neighbouring frames with estimated flow and visibility."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reconet_cli.errors import MediaError
from reconet_cli.flow import estimate_flow
from reconet_cli.media.locate import find_ffmpeg
from reconet_cli.media.reader import FfmpegReader, ReadOptions
from reconet_cli.media.source import file_source, probe, video_stream
from reconet_cli.training.pairs import FramePairs
from reconet_cli.training.sources import to_tensor
from reconet_cli.warping import inside_frame, visibility_mask

# Pairs kept of each clip, and how far into it they are taken from.
_PAIRS = 12
_SECONDS = Fraction(8)
# Training squares are cut from frames a little larger than they are.
_MARGIN = 1.25


@dataclass(frozen=True)
class _ClipPair:
    """Two neighbouring frames as uint8 `(H, W, 3)`; flow current→previous in float16 pixels, mask as bool."""

    previous: np.ndarray
    current: np.ndarray
    flow: Tensor
    mask: Tensor


class Clips:
    """Pairs of neighbouring frames of some clips, in memory; flow is DIS (medium), visibility the two-way check.

    Clips that cannot be decoded are left out and named in `skipped`.
    """

    def __init__(self, files: list[Path], size: int) -> None:
        self._pairs: list[_ClipPair] = []
        self.skipped: list[str] = []
        program = find_ffmpeg() if files else ""
        for file in files:
            try:
                self._pairs += [_with_motion(*frames) for frames in _neighbours(program, file, round(size * _MARGIN))]
            except MediaError as problem:
                self.skipped.append(f"{file.name}: {problem.message}")

    def __len__(self) -> int:
        return len(self._pairs)

    def examples(self) -> list[np.ndarray]:
        """A few frames to look at."""
        stride = max(1, len(self._pairs) // 8)
        return [pair.current for pair in self._pairs[::stride]]

    def sample(self, size: int, generator: torch.Generator) -> FramePairs:
        """A random square of a random pair, mirrored half of the time."""
        pair = self._pairs[int(torch.randint(len(self._pairs), (), generator=generator))]
        height, width = pair.current.shape[:2]
        top, left = (int(torch.randint(side - size + 1, (), generator=generator)) for side in (height, width))
        rows, columns = slice(top, top + size), slice(left, left + size)
        previous, current = (to_tensor(frame[rows, columns])[None] for frame in (pair.previous, pair.current))
        flow, mask = pair.flow[:, :, rows, columns].float(), pair.mask[:, :, rows, columns].float()
        if torch.rand((), generator=generator) < 0.5:
            previous, current, flow, mask = (t.flip(3) for t in (previous, current, flow, mask))
            flow[:, 0] *= -1
        # The whole frame's mask knows nothing of what the cut leaves out.
        return FramePairs(previous, current, flow, mask * inside_frame(flow))


def _with_motion(previous: np.ndarray, current: np.ndarray) -> _ClipPair:
    flow, reverse = (torch.from_numpy(estimate_flow(a, b))[None] for a, b in ((current, previous), (previous, current)))
    return _ClipPair(previous, current, flow.half(), visibility_mask(flow, reverse).bool())


def _neighbours(program: str, file: Path, short_side: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Up to `_PAIRS` pairs of neighbouring frames, spread over the first seconds of a clip."""
    source = file_source(file)
    info = probe(program, source)
    video = video_stream(info, source.name)
    width, height = video.shown_size
    factor = Fraction(short_side, min(width, height))
    size = (max(short_side, round(width * factor)), max(short_side, round(height * factor)))
    reader = FfmpegReader(program, source, info, video, ReadOptions(size=size, duration=_SECONDS))
    length = min(_SECONDS, info.duration or _SECONDS)
    stride = max(2, int(length * video.rate) // _PAIRS)
    before: np.ndarray | None = None
    found = 0
    try:
        for index, frame in enumerate(reader):
            if before is not None and index % stride == 1:
                yield before, frame.pixels
                found += 1
                if found == _PAIRS:
                    return
            before = frame.pixels
    finally:
        reader.abort()
