"""One film on several workers beside the same film on one machine: what is equal, and what it costs.

    python benchmarks/cluster.py CLIP --style mosaic --frames 3000

The clip is repeated until it has so many frames, with sound. It is painted `--resumable`, which keeps segments as a
cluster does, and with `--cluster local:N`, without loss (FFV1), with and without `--deflicker`. Every worker gets as
many cores as the largest N leaves to each. Printed are seconds, frames whose contents differ, and the temporal error of
pairs of frames across the segments' seams beside that of the same pairs from one machine. Seconds mean something on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from reconet_cli import open_video
from reconet_cli.evaluation.measures.temporal import estimate_trace, pair_error
from reconet_cli.stylizing.cluster.spans import segment_length
from reconet_cli.stylizing.resume.run import SEGMENT
from reconet_cli.system.processors import processors
from reconet_cli.video.ffmpeg.locate import find_ffmpeg


def repeated(clip: Path, frames: int, work: Path) -> Path:
    """The clip over and over, with a tone, so many frames."""
    film = work / f"film-{frames}.mp4"
    if not film.exists():
        part = film.with_suffix(".part.mp4")
        subprocess.run(
            [find_ffmpeg(None), "-v", "error", "-y", "-stream_loop", "-1", "-i", str(clip), "-f", "lavfi", "-i", "sine",
             "-map", "0:v", "-map", "1:a", "-vf", "scale=640:360,fps=25", "-frames:v", str(frames), "-shortest",
             "-c:v", "libx264", "-crf", "18", "-c:a", "aac", "-ac", "2", str(part)], check=True)  # fmt: skip
        part.rename(film)
    return film


def painted(film: Path, name: str, work: Path, options: list[str]) -> tuple[Path, float]:
    """Paint the film; the output, and the seconds that took."""
    output = work / f"{name}.mkv"
    command = [sys.executable, "-m", "reconet_cli", "-q", "stylize", str(film), str(output), "-y", "--codec", "ffv1"]
    began = time.perf_counter()
    subprocess.run([*command, *options], check=True)
    return output, time.perf_counter() - began


def checksums(path: Path) -> list[str]:
    """A line for each packet of pictures and sound: its stream, time and checksum."""
    command = [find_ffmpeg(None), "-v", "error", "-i", str(path), "-map", "0", "-f", "framemd5", "-"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if not line.startswith("#")]


def seam_errors(film: Path, outputs: tuple[Path, Path], length: int) -> list[tuple[float, float]]:
    """The temporal errors of both outputs for each pair of frames across a seam of the second one."""
    found: list[tuple[float, float]] = []
    with open_video(film) as sources, open_video(outputs[0]) as alone, open_video(outputs[1]) as spread:
        before: list[np.ndarray] = []
        for number, frames in enumerate(zip(sources, alone, spread, strict=True)):
            now = [frame.pixels for frame in frames]
            if number and number % length == 0:
                trace = estimate_trace(now[0], before[0])
                found.append((pair_error(now[1], before[1], trace), pair_error(now[2], before[2], trace)))
            before = now
    return found


def main() -> None:
    """Paint, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--workers", type=int, action="append", help="numbers of local workers (1 and 2)")
    parser.add_argument("--work", type=Path, default=Path("runs/cluster"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    film = repeated(args.clip, args.frames, args.work)
    for deflicker in ([], ["--deflicker"]):
        options = ["--style", args.style, *deflicker]
        alone, seconds = painted(film, "alone", args.work, [*options, "--resumable"])
        print(f"{' '.join(options)}: {args.frames} frames, --resumable {seconds:.1f} s", flush=True)
        wanted = checksums(alone)
        counts = args.workers or [1, 2]
        for workers in counts:
            threads = processors() // max(counts) * workers
            spread = ["--cluster", f"local:{workers}", "--threads", str(threads)]
            output, took = painted(film, "cluster", args.work, [*options, *spread])
            found = checksums(output)
            different = sum(a != b for a, b in zip(wanted, found, strict=False)) + abs(len(wanted) - len(found))
            print(
                f"  local:{workers} on {threads} cores {took:.1f} s ({took / seconds:.2f} of that), "
                f"{different} frames differ",
                flush=True,
            )
            if different:
                errors = seam_errors(film, (alone, output), segment_length(args.frames, workers, SEGMENT))
                means = [statistics.mean(each) for each in zip(*errors, strict=True)]
                worst = max(after / before for before, after in errors)
                print(f"  temporal error of the {len(errors)} pairs across seams {means[1]:.4f}, of one machine "
                      f"{means[0]:.4f}: {means[1] / means[0]:.2f}, the worst pair {worst:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
