"""Flow of a clip as a color video, for looking."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path

import numpy as np

from reconet_cli.errors import FlowError
from reconet_cli.flow.clips.frames import Frames, neighbors
from reconet_cli.flow.clips.workers import in_order
from reconet_cli.flow.colors import flow_to_rgb, with_legend
from reconet_cli.flow.estimate import estimate_flow
from reconet_cli.flow.two_way import MotionSettings, measure_motion
from reconet_cli.video.ffmpeg.encoders import check_encoder
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.plan import Encoding, FrameFormat, Plan, clock
from reconet_cli.video.probing.color import Color
from reconet_cli.video.writing.containers import container_of
from reconet_cli.video.writing.counting import Made
from reconet_cli.video.writing.encode import video_command
from reconet_cli.video.writing.target import Target
from reconet_cli.video.writing.writer import FfmpegWriter, RawFeed, TimedFeed

_LOOK = 128  # px on the shorter side, for a first look at a clip
# Full color for less would tint a still background with the estimator's noise, which grows with the frame: pixels,
# and a share of the longer side.
_LEAST_MAX_FLOW = 4.0
_LEAST_SHARE = 0.01
_STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True)
class ColorSettings:
    """`max_flow` in pixels gets the full color, None to ask the clip; `legend` draws the wheel into a corner."""

    max_flow: float | None = None
    legend: bool = True


@dataclass(frozen=True)
class _Task:
    first: Frame
    second: Frame
    settings: MotionSettings
    max_flow: float
    legend: bool


# Entered with a description; gives a function to call after each pair.
Progress = Callable[[str], AbstractContextManager[Callable[[], None]]]


def write_color_video(
    frames: Frames,
    target: Path,
    settings: MotionSettings,
    colors: ColorSettings,
    jobs: int,
    *,
    overwrite: bool,
    progress: Progress,
    note: Callable[[str], None],
) -> int:
    """Write the colors of each pair's flow as a video, each shown when the frame is whose pixels it is for.

    `settings` has one direction; `note` is called with a sentence for the user. Returns the number of pairs. Raises
    `ReconetError`; the video appears under its name when it is complete.
    """
    with _video_writer(frames, target, overwrite=overwrite) as write:
        max_flow = colors.max_flow
        if max_flow is None:
            with progress("a first look") as on_pair:
                max_flow = usual_max_flow(frames, on_pair)
            note(f"full color is {max_flow:g} px a frame (--max-flow)")
        with (
            progress("flow") as on_pair,
            closing(_tasks(frames, settings, max_flow, colors.legend)) as tasks,
            closing(in_order(_paint, tasks, jobs)) as painted,
        ):
            count = 0
            for frame in painted:
                write(frame)
                count += 1
                on_pair()
        if not count:
            raise _single(frames)
    return count


def usual_max_flow(frames: Frames, on_pair: Callable[[], None]) -> float:
    """A length in pixels that suits the whole clip: what is fast in it, without its outliers.

    One scale for all frames, because a scale for each would flash. It comes from a first look at small frames: 99 of
    100 pixels are slower in 19 of 20 pairs (the rest may be cuts), at least 4 px and 1 % of the longer side, rounded
    up to 4, 5, 6, 8, 10, 12, 15, ….
    """
    with closing(frames.read()) as full:
        height, width = next(full).pixels.shape[:2]
    lengths: list[float] = []
    with closing(frames.read(_LOOK)) as small:
        for _, first, second in neighbors(small):
            flow = estimate_flow(first.pixels, second.pixels)
            lengths.append(float(np.quantile(np.hypot(*flow), 0.99)) * width / flow.shape[2])
            on_pair()
    if not lengths:
        raise _single(frames)
    usual = max(_LEAST_MAX_FLOW, _LEAST_SHARE * max(height, width), float(np.quantile(lengths, 0.95)))
    power: float = 10 ** floor(log10(usual))
    return next(step * power for step in _STEPS if step * power >= usual)


def _tasks(frames: Frames, settings: MotionSettings, max_flow: float, legend: bool) -> Generator[_Task, None, None]:
    with closing(frames.read()) as read:
        for _, first, second in neighbors(read):
            yield _Task(first, second, settings, max_flow, legend)


def _single(frames: Frames) -> FlowError:
    return FlowError(f"{frames.name} has a single frame", "flow needs two or more")


def _paint(task: _Task) -> Frame:
    way = task.settings.directions[0]
    flow = measure_motion(task.first.pixels, task.second.pixels, task.settings)[way].flow
    colors = flow_to_rgb(flow, task.max_flow)
    if task.legend:
        colors = with_legend(colors, task.max_flow)
    shown = task.first if way == "forward" else task.second
    return Frame(colors, shown.time, shown.duration)


@contextmanager
def _video_writer(frames: Frames, target: Path, *, overwrite: bool) -> Generator[Callable[[Frame], None], None, None]:
    """A function that writes frames, of a size that the first one tells, into a video at `target`."""
    program, container = find_ffmpeg(), container_of(target)
    check_encoder(program, container.video)
    if not (container.times or frames.constant_rate):
        raise FlowError(f"{target}: this kind of file holds no uneven frame times", "name an .mp4 or .mkv")
    ticks = clock(container, frames.ticks, None)
    encoding = Encoding(container, container.video, ticks=ticks, constant_rate=frames.constant_rate)
    even = encoding.encoder.even

    with Target(target, overwrite=overwrite) as place:

        def command(first: Frame) -> list[str]:
            height, width = (side + side % 2 if even else side for side in first.pixels.shape[:2])
            form = FrameFormat((width, height), frames.aspect, Color().settled(height), frames.rate)
            return video_command(program, place.part, Plan(form, encoding), first)

        feed = TimedFeed(frames.rate, ticks, "") if ticks else RawFeed()
        made = Made(program, place.part, counted=encoding.counted)
        writer = FfmpegWriter(str(target), command, feed, even=even, made=made)
        try:
            yield writer.write
            writer.finish()
            place.commit()
        finally:
            writer.abort()
            writer.release()
