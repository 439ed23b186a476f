"""How well the shipped network finds people, beside its teacher, and what it costs a frame.

    python benchmarks/people.py --people FOLDER --nobody FOLDER --teacher MASKS

The folders hold clips and pictures that the network has not learned from, with people and without. MASKS is what
`python weights/people/label.py --masks FOLDER -o MASKS` writes. Columns: intersection over union with the teacher's
mask (in frames where the teacher finds anybody), the share of the frame that the network and the teacher cover, and the
temporal error of their masks along the clip's motion: as found, in a small frame, and as painted, at the clip's size
(longer side at most 640), where the teacher's mask is led along edges and feathered by the same steps.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch

from reconet_cli import load_style, open_video
from reconet_cli.engines.people import SIZES, kind_of, load_people_engine
from reconet_cli.evaluation.measures.temporal import Trace, estimate_trace, mean_error
from reconet_cli.model.losses import temporal_gap
from reconet_cli.stylizing.effects.people import PeopleMask, along_edges, feathered, reduced
from reconet_cli.video.ffmpeg.pixels import Frame

_LONG_SIDE = 640
_SOMEBODY = 0.01  # of the teacher's frame
_ROUNDS = 60


@dataclass
class Scores:
    """What is found frame by frame, and between neighbors: (network, teacher)."""

    overlaps: list[float] = field(default_factory=list)
    coverages: list[tuple[float, float]] = field(default_factory=list)
    found: list[tuple[float, float]] = field(default_factory=list)
    painted: list[tuple[float, float]] = field(default_factory=list)

    def row(self) -> str:
        """The figures, `-` where there are none."""
        overlap = f"{np.mean(self.overlaps):.3f}" if self.overlaps else "-"
        covered = "{:.1%} {:.1%}".format(*np.mean(self.coverages, 0))
        errors = ["{:.4f} {:.4f}".format(*(mean_error([pair[who] for pair in pairs]) for who in (0, 1)))
                  if pairs else "-" for pairs in (self.found, self.painted)]  # fmt: skip
        return f"{overlap:>6}{covered:>15}{errors[0]:>16}{errors[1]:>16}"

    def add(self, other: Scores) -> None:
        """Count another file's means as one frame and one pair each."""
        if other.overlaps:
            self.overlaps.append(float(np.mean(other.overlaps)))
        for own, theirs in (
            (self.coverages, other.coverages),
            (self.found, other.found),
            (self.painted, other.painted),
        ):
            if theirs:
                mean = np.mean(theirs, 0)
                own.append((float(mean[0]), float(mean[1])))


def frames_of(path: Path, most: int) -> Iterator[np.ndarray]:
    """The first frames, reduced."""
    with open_video(path) as video:
        longer = max(video.size)
        width, height = (max(2, round(side * min(1, _LONG_SIDE / longer) / 2) * 2) for side in video.size)
    with open_video(path, size=(width, height)) as video:
        for frame, _ in zip(video, range(most), strict=False):
            yield frame.pixels


def gap(current: np.ndarray, earlier: np.ndarray, trace: Trace) -> float:
    """The temporal error of two masks (H, W) in [0, 1]."""
    now, before = (torch.from_numpy(np.ascontiguousarray(mask, np.float32))[None, None] for mask in (current, earlier))
    return math.sqrt(temporal_gap(now, before, trace.flow, trace.mask).item())


def measured(path: Path, taught: np.ndarray, most: int) -> Scores:
    """The scores of a file; `taught` are the teacher's masks, uint8 (T, h, w)."""
    scores = Scores()
    before: tuple[np.ndarray, ...] | None = None
    engine = None
    for frame, lesson in zip(frames_of(path, most), taught, strict=False):
        kind = kind_of(*frame.shape[:2])
        size = SIZES[kind]
        engine = engine or load_people_engine(kind)
        small = reduced(frame, size)
        masks = engine(small), cv2.resize(lesson.astype(np.float32) / 255, size[::-1])
        shown = [feathered(along_edges(mask, small, frame)) for mask in masks]
        ours, theirs = (mask > 0.5 for mask in masks)
        if theirs.mean() > _SOMEBODY:
            scores.overlaps.append((ours & theirs).sum() / (ours | theirs).sum())
        scores.coverages.append((float(ours.mean()), float(theirs.mean())))
        now = (small, *masks, frame, *shown)
        if before:
            for list_, first in ((scores.found, 0), (scores.painted, 3)):
                trace = estimate_trace(now[first], before[first])
                pair = [gap(now[first + who], before[first + who], trace) for who in (1, 2)]
                list_.append((pair[0], pair[1]))
        before = now
    return scores


def milliseconds(name: str, work: Callable[[], object]) -> float:
    """The median time of a call; prints it, the shortest, and the processor's time."""
    times, began = [], time.process_time()
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    used = (time.process_time() - began) * 1000 / _ROUNDS
    print(f"{name:<24} median {np.median(times):6.2f} ms, shortest {min(times):6.2f}, processor {used:6.2f}")
    return float(np.median(times))


def milliseconds_together(name: str, work: Callable[[], object]) -> None:
    """The time of a call where each core makes them, as painting does; prints it."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        for _ in range(2):  # the first round warms up
            start = time.perf_counter()
            list(pool.map(lambda _: work(), range(cores * _ROUNDS)))
            each = (time.perf_counter() - start) * 1000 / (cores * _ROUNDS)
    print(f"{name:<24} {each:6.2f} ms a frame on {cores} cores")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path)
    parser.add_argument("--nobody", type=Path)
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--frames", type=int, default=60, help="of each clip")
    args = parser.parse_args()

    for folder in (args.people, args.nobody):
        if not folder or not args.teacher:
            continue
        print(f"{folder.name:<32}{'IoU':>6}{'coverage':>15}{'found':>16}{'painted':>16}")
        totals = {"clips": Scores(), "pictures": Scores()}
        for path in sorted(folder.iterdir()):
            scores = measured(path, np.load(args.teacher / f"{path.name}.npz")["masks"], args.frames)
            totals["clips" if scores.found else "pictures"].add(scores)
            print(f"{path.name[-31:]:<32}{scores.row()}", flush=True)
        for kind, total in totals.items():
            if total.coverages:
                print(f"{kind:<32}{total.row()}")

    frame = Frame(cv2.resize(load_sample(), (640, 360)), Fraction(0), Fraction(1))
    mask, style = PeopleMask((640, 360), background=False), load_style("mosaic")
    style(frame.pixels)
    mask.share(frame, None)
    masking = milliseconds("mask, 640x360", lambda: mask.share(frame, None))
    milliseconds_together("mask, 640x360", lambda: mask.share(frame, None))
    small, engine = reduced(frame.pixels, SIZES["wide"]), load_people_engine("wide")
    milliseconds("  its network", lambda: engine(small))
    milliseconds("  its edges", lambda: feathered(along_edges(small[..., 0] / np.float32(255), small, frame.pixels)))
    painting = milliseconds("a style's network", lambda: style(frame.pixels))
    print(f"the mask takes {masking / painting:.2f} of the time of a style's network")


def load_sample() -> np.ndarray:
    """A frame of the shipped ones."""
    from reconet_cli.engines.openvino.model import calibration_frames

    frame: np.ndarray = calibration_frames()[0][0]
    return frame


if __name__ == "__main__":
    main()
