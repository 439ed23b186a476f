"""A folder of files through `reconet stylize` with a network that changes nothing: what went in, what came out.

    python benchmarks/media_files.py FOLDER

Each file is stylized in a process of its own, to Matroska (pictures to PNG, sound alone to nothing). Compared are the
numbers of frames and streams, the frames' times, and the pixels as ffmpeg shows them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from reconet_cli.errors import ReconetError
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.probing.color import SCALE_FLAGS, is_rgb
from reconet_cli.video.probing.info import MediaInfo, VideoStream
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import PICTURE_SUFFIXES, file_source

IDENTITY = """
import types, sys
engine = types.ModuleType("reconet_cli.engines")
class Identity:
    description = precision = "identity"
    concurrency = 1
    def __call__(self, frame): return frame
engine.load_engine = lambda style, **options: Identity()
sys.modules["reconet_cli.engines"] = engine
import reconet_cli.styles.finding as styles
styles.find_style = lambda name, variant="auto": name
from reconet_cli.cli import main
main()
"""
_TIME = re.compile(r"\] n: *\d+ pts: *(-?\d+)")
_CLOCK = re.compile(r"config in time_base: (\d+)/(\d+)")


@dataclass(frozen=True)
class Seen:
    """What ffmpeg shows of a file: frame times in seconds from the first one, and the mean color of each frame."""

    times: np.ndarray
    colors: np.ndarray


def look(ffmpeg: str, path: Path, video: VideoStream) -> Seen:
    """Decode a file with ffmpeg alone; an HDR one has no colors to compare."""
    fields = "bwdif=mode=send_frame," if video.interlaced else ""
    # Untagged colors have to be read in one way on both sides; ffmpeg's guess would go by other rules.
    color = {} if is_rgb(video.pixel_format) else video.color.settled(video.height).scale_in()
    flags = SCALE_FLAGS.replace("bicubic", "area")
    scale = ":".join(["scale=16:16", f"flags={flags}", *(f"{key}={value}" for key, value in color.items())])
    said = subprocess.run(
        [ffmpeg, "-nostdin", "-hide_banner", "-copyts", "-i", f"file:{path}", "-map", f"0:{video.index}",
         "-fps_mode", "passthrough", "-enc_time_base", "1/1000000",
         "-vf", f"{fields}showinfo=checksum=0,{scale},format=rgb24", "-f", "rawvideo", "-"],
        capture_output=True,
    )  # fmt: skip
    log = said.stderr.decode(errors="replace")
    clock = _CLOCK.search(log)
    tick = Fraction(int(clock[1]), int(clock[2])) if clock else Fraction(1)
    times = np.array([float(int(pts) * tick) for pts in _TIME.findall(log)])
    colors = np.frombuffer(said.stdout, np.uint8).reshape(-1, 16, 16, 3).astype(float)
    return Seen(times - times[:1], colors)


def describe(info: MediaInfo, video: VideoStream) -> str:
    """The properties that a user sees, in a few words."""
    kinds = "".join({"video": "v", "audio": "a", "subtitle": "s"}.get(s.kind, "d") for s in info.streams)
    color = video.color
    tags = f"{color.matrix}/{color.transfer}/{'full' if color.full else 'lim.'}"
    turned = f" {video.rotation:g}°" if video.rotation else ""
    rate = f"{float(video.rate):.4g}{'' if video.constant_rate else '~'}"
    return f"{kinds} {video.width}x{video.height}{turned} {rate} fps {video.pixel_format} {tags}"


def examine(ffmpeg: str, path: Path, folder: Path) -> tuple[str, str, str]:
    """What went in, what came out, and a verdict."""
    suffix = ".png" if path.suffix.lower() in PICTURE_SUFFIXES else ".mkv"
    target = folder / (path.name + suffix)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", IDENTITY, "stylize", "--style", "identity", str(path), str(target), "--ffmpeg", ffmpeg,
         *(() if suffix == ".png" else ("--crf", "4"))],
        capture_output=True, timeout=600,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    if "Traceback" in " ".join(said):
        return "?", "?", "TRACE: " + said[-1]
    if done.returncode:
        return "-", "-", f"refused ({done.returncode}): {' '.join(said)}"
    before, after = probe(ffmpeg, file_source(path)), probe(ffmpeg, file_source(target))
    source, result = before.video, after.video
    assert source is not None
    assert result is not None
    notes = [line for line in said if line != "identity" and not re.match(r"\d+ frames? of", line)]
    verdict = [compare(look(ffmpeg, path, source), look(ffmpeg, target, result), bool(source.color.hdr))]
    verdict += [note.replace(str(path), "it").replace(str(target), "the output") for note in notes]
    return describe(before, source), describe(after, result), f"{'; '.join(verdict)} ({seconds:.1f} s)"


def compare(before: Seen, after: Seen, hdr: bool) -> str:
    """Frames, the largest difference of their times, and of the pixels of the downsized frames."""
    if len(before.times) != len(after.times):
        return f"FRAMES {len(before.times)} -> {len(after.times)}"
    gap = float(np.abs(before.times - after.times).max()) * 1000
    said = f"{len(after.times)} frames, times within {gap:.1f} ms"
    if before.colors.shape != after.colors.shape:
        return f"{said}, SHAPES differ"
    difference = float(np.abs(before.colors - after.colors).mean())
    return f"{said}, colors {'(HDR to SDR) ' if hdr else ''}within {difference:.2f}"


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ffmpeg")
    options = parser.parse_args()
    ffmpeg = find_ffmpeg(options.ffmpeg)
    print("| file | in | out | verdict |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(options.folder.iterdir()):
            try:
                row = examine(ffmpeg, path, Path(folder))
            except ReconetError as problem:
                row = ("?", "?", f"FAILED: {problem}")
            print("|", " | ".join((path.name, *row)), "|", flush=True)


if __name__ == "__main__":
    main()
