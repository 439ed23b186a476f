"""Render the project's example clip: a flight along a wooded coast while golden hour turns to evening.

    python examples/render_clip.py examples/clip.mp4 [--size 640x360] [--frames 125] [--jobs 2]
    python examples/render_clip.py --still 2.5 still.png

Nothing is downloaded and nothing is random: the same program draws the same clip. The pictures come from
the package ``coast`` beside this file, computed with numpy and OpenCV, and so does the sound. ffmpeg encodes
both: the one on the PATH, or else the one that comes with imageio-ffmpeg.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from coast.scene import picture, prepare
from coast.sky import SECONDS
from coast.sound import RATE, soundtrack
from numpy.typing import NDArray

FPS = 25
QUALITY = 23


def find_ffmpeg() -> str:
    """Path of an ffmpeg program."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from ``640x360``; both must be even for yuv420p."""
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT") from None
    if min(width, height) < 16 or width % 2 or height % 2:
        raise argparse.ArgumentTypeError("width and height must be even and at least 16")
    return width, height


def positive(text: str) -> int:
    """A whole number of at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def draw(index: int, frames: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """One frame of the clip, whose whole flight is spread over ``frames``."""
    return picture(SECONDS * index / frames, *size)


def write_wav(path: Path, seconds: float) -> None:
    """The sound of the clip as 16-bit stereo."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(soundtrack(seconds).tobytes())


def encode_command(size: tuple[int, int], sound: Path, output: Path) -> list[str]:
    """Arguments that make ffmpeg read raw RGB frames on stdin and write the clip."""
    width, height = size
    tags = "colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    return [
        *(find_ffmpeg(), "-y", "-loglevel", "error"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FPS), "-i", "-"),
        *("-i", str(sound)),
        *("-vf", f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams={tags}"),
        *("-c:v", "libx264", "-preset", "veryslow", "-crf", str(QUALITY), "-c:a", "aac", "-b:a", "96k"),
        *("-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact"),
        str(output),
    ]


def render(output: Path, size: tuple[int, int], frames: int, jobs: int) -> None:
    """Draw all frames in ``jobs`` processes and encode them in order."""
    # Built before the pool starts, the maps are shared with the processes that fork from this one.
    prepare()
    with tempfile.TemporaryDirectory() as folder, multiprocessing.Pool(jobs, cv2.setNumThreads, (1,)) as pool:
        sound, film = Path(folder) / "sound.wav", Path(folder) / "clip.mp4"
        write_wav(sound, frames / FPS)
        encoder = subprocess.Popen(encode_command(size, sound, film), stdin=subprocess.PIPE)
        assert encoder.stdin is not None
        # When ffmpeg dies, its status and its own message say more than the broken pipe.
        with contextlib.suppress(BrokenPipeError), encoder.stdin:
            for count, frame in enumerate(pool.imap(partial(draw, frames=frames, size=size), range(frames)), 1):
                encoder.stdin.write(frame.tobytes())
                print(f"\rframe {count}/{frames}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        if encoder.wait():
            raise SystemExit(f"ffmpeg failed with status {encoder.returncode}")
        # Moved only when complete: a clip cut short must not look finished.
        shutil.move(film, output)


def main() -> None:
    """Parse the command line; draw a still or the clip."""
    parser = argparse.ArgumentParser(description="Render the example clip, or a still of it.")
    parser.add_argument("output", type=Path, help="file to write: .mp4, or .png with --still")
    parser.add_argument("--size", type=parse_size, default=(640, 360), help="WIDTHxHEIGHT (default 640x360)")
    parser.add_argument("--frames", type=positive, default=125, help="number of frames at 25 a second (default 125)")
    parser.add_argument("--jobs", type=positive, default=2, help="processes (default 2)")
    parser.add_argument("--still", type=float, metavar="T", help=f"draw only the picture at T of 0 to {SECONDS:g} s")
    arguments = parser.parse_args()
    # OpenCV's own threads do not survive a fork, and the processes fill the cores anyway.
    cv2.setNumThreads(1)
    started = time.monotonic()
    if arguments.still is None:
        render(arguments.output, arguments.size, arguments.frames, arguments.jobs)
    elif not cv2.imwrite(str(arguments.output), picture(arguments.still, *arguments.size)[..., ::-1]):
        raise SystemExit(f"could not write {arguments.output}")
    print(f"{arguments.output}: {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
