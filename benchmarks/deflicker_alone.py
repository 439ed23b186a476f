"""How well a clip is deflickered without its original: flicker is added to clean clips, so the truth is known.

    python benchmarks/deflicker_alone.py --chosen CLIP... --kept-out CLIP... [--pictures FOLDER]

Each kind of flicker is taken out by the steps of `reconet deflicker CLIP OUTPUT`, by ffmpeg's `deflicker` filter, and
by blending five frames (`tmix`, centered). Columns: root mean square error to the truth (levels of 255), `e_stab` by
the truth's motion, and sharpness relative to the truth's. `clean` is the truth itself as the input. The ffmpeg is the
one that reconet finds.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch

from reconet_cli import open_video
from reconet_cli.evaluation.measures.sharpness import sharpness
from reconet_cli.evaluation.measures.temporal import Trace, estimate_trace, mean_error, pair_error
from reconet_cli.stylizing.deflicker.alone.grid import Grid
from reconet_cli.stylizing.deflicker.alone.measuring import Meter
from reconet_cli.stylizing.deflicker.alone.planning import planned
from reconet_cli.stylizing.deflicker.alone.stage import PlannedStage
from reconet_cli.stylizing.stage import Stage, through
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import Frame

RATE = 25
FIGURES = "{:8.2f}{:8.4f}{:8.0%}"
Clip = np.ndarray  # (frames, H, W, 3) uint8


def read(path: Path, count: int, width: int) -> Clip:
    """The first frames, brought to about this width."""
    with open_video(path) as video:
        across, down = video.size
    with open_video(path, size=(width, round(width * down / across / 2) * 2)) as video:
        return np.stack([frame.pixels for frame, _ in zip(video, range(count), strict=False)])


def lit(clip: Clip, gains: np.ndarray, added: np.ndarray | float = 0.0) -> Clip:
    """The frames times gains plus levels, both of a shape that fits the clip's."""
    return np.clip(np.rint(clip * gains.astype(np.float32) + added), 0, 255).astype(np.uint8)


def course(random: np.random.Generator, count: int, kept: float, shape: tuple[int, ...] = ()) -> np.ndarray:
    """A random course with mean 0 and a standard deviation of about 1; `kept` is the correlation of neighbors."""
    values = random.normal(size=(count, *shape))
    for t in range(1, count):
        values[t] = kept * values[t - 1] + np.sqrt(1 - kept**2) * values[t]
    return np.asarray(values - values.mean(0), np.float32)


def exposure_pumping(clip: Clip, random: np.random.Generator) -> Clip:
    """A camera's exposure that swings at some 3 Hz, never quite evenly."""
    time = np.arange(len(clip)) / RATE
    swing = np.sin(2 * np.pi * 3 * time + course(random, len(clip), 0.9))
    return lit(clip, np.exp(0.15 * (swing - swing.mean()))[:, None, None, None])


def time_lapse(clip: Clip, random: np.random.Generator) -> Clip:
    """Another exposure in each frame."""
    return lit(clip, np.exp(0.12 * course(random, len(clip), 0))[:, None, None, None])


def color_shifts(clip: Clip, random: np.random.Generator) -> Clip:
    """Another white balance in each frame."""
    return lit(clip, np.exp(0.08 * course(random, len(clip), 0.3, (3,)))[:, None, None])


def fields(values: np.ndarray, clip: Clip) -> np.ndarray:
    """Small pictures, one a frame, at the clip's size."""
    size = (clip.shape[2], clip.shape[1])
    return np.stack([cv2.resize(value, size, interpolation=cv2.INTER_CUBIC) for value in values])


def made_by_ai(clip: Clip, random: np.random.Generator) -> Clip:
    """Brightness and color that change from place to place, and another texture in each frame."""
    gains = np.exp(0.08 * fields(course(random, len(clip), 0.3, (4, 6, 3)), clip))
    grain = random.normal(size=clip.shape).astype(np.float32)
    grain = np.stack([cv2.GaussianBlur(one, (0, 0), 1.0) for one in grain])
    return lit(clip, gains, 4 * grain / grain.std())


def moving_bands(clip: Clip, random: np.random.Generator) -> Clip:
    """A lamp on mains of 50 Hz, which flickers 100 times a second, seen by a rolling shutter at 30000/1001 frames."""
    y = np.arange(clip.shape[1]) / clip.shape[1]
    phase = 100 * 1.001 / 30 * np.arange(len(clip)) + random.uniform()
    return lit(clip, np.exp(0.15 * np.sin(2 * np.pi * (2 * y[None] + phase[:, None])))[:, :, None, None])


KINDS: dict[str, Callable[[Clip, np.random.Generator], Clip]] = {
    "clean": lambda clip, random: clip,
    "exposure pumping": exposure_pumping,
    "time lapse": time_lapse,
    "color shifts": color_shifts,
    "AI": made_by_ai,
    "moving bands": moving_bands,
}


def ours(clip: Clip) -> Clip:
    """By this project, frame by frame as `reconet deflicker` does."""
    grid = Grid.of(clip.shape[2], clip.shape[1])
    meter = Meter(grid)
    frames = [Frame(pixels, Fraction(t) / RATE, 1 / Fraction(RATE)) for t, pixels in enumerate(clip)]
    small = (cv2.resize(pixels, grid.size, interpolation=cv2.INTER_AREA) for pixels in clip)
    plan = planned(((frame.time, meter(pixels)) for frame, pixels in zip(frames, small, strict=True)), RATE, grid)
    stages: list[Stage] = [PlannedStage(plan, 1.0)]
    return np.stack([through(stages, frame, frame).pixels for frame in frames])


def filtered(clip: Clip, filters: str) -> Clip:
    """By a filter of ffmpeg."""
    count, height, width, _ = clip.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25"]
    command = [find_ffmpeg(), "-v", "error", *raw, "-i", "-", "-vf", filters, *raw, "-"]
    out = subprocess.run(command, input=clip.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(bytearray(out), np.uint8).reshape(-1, height, width, 3)[:count]


def blended(clip: Clip) -> Clip:
    """Five frames blended, two on either side."""
    padded = np.concatenate([clip[:1], clip[:1], clip, clip[-1:], clip[-1:]])
    return filtered(padded, "tmix=frames=5,trim=start_frame=4")


METHODS: dict[str, Callable[[Clip], Clip]] = {
    "as it is": lambda clip: clip,
    "reconet": ours,
    "ffmpeg deflicker": lambda clip: filtered(clip, "format=yuv444p,deflicker,format=rgb24"),
    "five blended": blended,
}


def scores(truth: Clip, clip: Clip, traces: list[Trace]) -> tuple[float, float, float]:
    """Error to the truth, temporal error, relative sharpness."""
    error = float(np.sqrt(np.mean((clip.astype(np.float32) - truth) ** 2)))
    temporal = mean_error([pair_error(clip[t + 1], clip[t], trace) for t, trace in enumerate(traces)])
    return error, temporal, sum(map(sharpness, clip)) / sum(map(sharpness, truth))


def table_of(paths: list[Path], frames: int, width: int, pictures: Path | None) -> None:
    """Measure clips and print their table."""
    rows: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for path in paths:
        truth = read(path, frames, width)
        traces = [estimate_trace(truth[t + 1], truth[t]) for t in range(len(truth) - 1)]
        for kind, flicker in KINDS.items():
            flickering = flicker(truth, np.random.default_rng(0))
            for name, method in METHODS.items():
                clip = method(flickering)
                row = scores(truth, clip, traces)
                rows.setdefault((kind, name), []).append(row)
                print(f"{path.stem[:24]:<25}{kind:<18}{name:<18}" + FIGURES.format(*row), flush=True)
                if pictures and name == "reconet":
                    show_worst(pictures / f"{path.stem}-{kind.replace(' ', '-')}.png", truth, flickering, clip)
    for (kind, name), values in rows.items():
        print(f"{'mean':<25}{kind:<18}{name:<18}" + FIGURES.format(*np.mean(values, 0)))


def main() -> None:
    """Print a table for each group of clips."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chosen", nargs="+", type=Path, default=[], help="clips that settings were chosen on")
    parser.add_argument("--kept-out", nargs="+", type=Path, default=[], help="clips that nobody looked at before")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--pictures", type=Path, help="a folder for the frame of each clip and kind that is worst")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    for name, paths in (("chosen on", args.chosen), ("kept out", args.kept_out)):
        if paths:
            print(f"{name}: {', '.join(path.name for path in paths)}")
            print(f"{'':<25}{'kind':<18}{'':<18}{'error':>8}{'e_stab':>8}{'sharp':>8}")
            table_of(paths, args.frames, args.width, args.pictures)


def show_worst(path: Path, *clips: Clip) -> None:
    """Write the frame with the largest error, and those beside it: truth, flickering and ours from left to right."""
    truth, _, result = clips
    errors = ((result.astype(np.float32) - truth) ** 2).mean((1, 2, 3))
    worst = int(np.clip(errors.argmax(), 1, len(truth) - 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.vstack([np.hstack([clip[t] for clip in clips]) for t in (worst - 1, worst, worst + 1)])
    cv2.imwrite(str(path), picture[..., ::-1])


if __name__ == "__main__":
    main()
