"""Frame pairs from real clips: neighboring frames with estimated flow and visibility, computed once and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch

from reconet_cli.errors import FlowError, MediaError
from reconet_cli.system.processors import processors
from reconet_cli.system.silence import silent
from reconet_cli.training.data.clip_motion import ClipMotion, OpenedClip, open_clip, read_motion
from reconet_cli.training.data.crops import random_crop
from reconet_cli.training.data.flow_cache import FlowCache, clip_key
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.video.ffmpeg.locate import find_ffmpeg

# Training squares are cut from frames a little larger than they are.
_MARGIN = 1.25
_MOST_WORKERS = 4


class Clips:
    """Pairs of neighboring frames of some clips.

    A clip that was seen before, under whatever name, is taken from the flow cache and not decoded. `note` is told what
    will be computed and how much room it takes, `on_clip` is called with the number of clips done and of those to do.
    Once `should_stop`, the constructor raises `KeyboardInterrupt`; what is done by then stays in the cache. Clips that
    cannot be decoded are left out and named in `skipped`.
    """

    def __init__(
        self,
        files: list[Path],
        size: int,
        *,
        note: Callable[[str], None] = silent,
        on_clip: Callable[[int, int], None] = lambda done, total: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        gathering = _Gathering(files, round(size * _MARGIN), FlowCache(note), should_stop)
        gathering.look_up()
        gathering.compute(note, on_clip)
        self._clips = [gathering.found[file] for file in files if file in gathering.found]
        self._pairs = [(clip, index) for clip in self._clips for index in range(len(clip))]
        self.skipped = [f"{file.name}: {gathering.problems[file]}" for file in files if file in gathering.problems]

    def __len__(self) -> int:
        return len(self._pairs)

    def examples(self) -> list[np.ndarray]:
        """A few frames to look at."""
        stride = max(1, len(self._pairs) // 8)
        return [clip.current[index].numpy() for clip, index in self._pairs[::stride]]

    def sample(self, size: int, generator: torch.Generator) -> FramePairs:
        """A random square of a random pair, mirrored half of the time."""
        clip, index = self._pairs[int(torch.randint(len(self._pairs), (), generator=generator))]
        frames = (clip.previous[index].numpy(), clip.current[index].numpy())
        one = slice(index, index + 1)
        return random_crop(frames, clip.flow[one], clip.mask[one], size, generator)


class _Gathering:
    """Finds or computes the motion of clips: `found` by file, `problems` with those that have none."""

    def __init__(self, files: list[Path], short_side: int, cache: FlowCache, should_stop: Callable[[], bool]) -> None:
        self.found: dict[Path, ClipMotion] = {}
        self.problems: dict[Path, str] = {}
        self._files = files
        self._short_side = short_side
        self._cache = cache
        self._should_stop = should_stop
        self._failed = threading.Event()
        self._keys: dict[Path, str] = {}

    def look_up(self) -> None:
        """Take what the cache has."""
        for file in self._files:
            try:
                self._keys[file] = clip_key(file, self._short_side)
            except OSError as problem:
                self.problems[file] = problem.strerror or str(problem)
                continue
            if motion := self._cache.load(self._keys[file]):
                self.found[file] = motion

    def compute(self, note: Callable[[str], None], on_clip: Callable[[int, int], None]) -> None:
        """Decode the rest, keep it in the cache."""
        missing = [file for file in self._files if file in self._keys and file not in self.found]
        if not missing:
            return
        program = find_ffmpeg()
        with ThreadPoolExecutor(_workers()) as pool:
            try:
                probed = pool.map(lambda file: self._open(program, file), missing)
                opened = {file: clip for file, clip in zip(missing, probed, strict=True) if clip}
                self._announce(opened, note)
                jobs = [pool.submit(self._read, file, clip) for file, clip in opened.items()]
                for done, job in enumerate(as_completed(jobs), 1):
                    job.result()
                    on_clip(done, len(jobs))
            finally:
                # After an error or Ctrl-C nothing new starts, and what runs ends at its next pair of frames.
                self._failed.set()
                pool.shutdown(cancel_futures=True)

    def _stopping(self) -> bool:
        return self._failed.is_set() or self._should_stop()

    def _open(self, program: str, file: Path) -> OpenedClip | None:
        if self._stopping():
            raise KeyboardInterrupt
        try:
            return open_clip(program, file, self._short_side)
        except MediaError as problem:
            self.problems[file] = problem.message
            return None

    def _announce(self, opened: dict[Path, OpenedClip], note: Callable[[str], None]) -> None:
        expected = sum(clip.expected_bytes for clip in opened.values())
        cache = self._cache.cache
        cache.make_room(expected)
        if opened and cache.writable:
            note(f"optical flow of {len(opened)} clips: about {expected / 1e6:.1f} MB in {cache.folder}")

    def _read(self, file: Path, clip: OpenedClip) -> None:
        try:
            motion = read_motion(clip, self._stopping)
            self.found[file] = self._cache.keep(self._keys[file], motion)
        except (MediaError, FlowError) as problem:
            self.problems[file] = problem.message


def _workers() -> int:
    """Decoding and flow have threads of their own, so more than a few clips at once only costs memory."""
    return min(_MOST_WORKERS, processors())
