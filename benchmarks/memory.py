"""How much memory `reconet stylize` takes for videos of different lengths, with a network that changes nothing.

    python benchmarks/memory.py

The clips are the same ten seconds with sound, repeated. The three processes (the command itself, the decoding and the
encoding ffmpeg) are looked at in /proc ten times a second. A column is a process's own peak (VmHWM); the last one is
the largest sum of what all had at one time (VmRSS), pages that they share counted for each. Linux alone.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from media_files import IDENTITY

from reconet_cli.video.ffmpeg.locate import find_ffmpeg

_PIECE = 10  # seconds
_STEP = 0.1


def make_clips(ffmpeg: str, folder: Path, size: str, rate: int, lengths: list[int]) -> Iterator[tuple[int, Path]]:
    """(seconds, file) of a test pattern with a tone that lasts so long."""
    piece = folder / "piece.mkv"
    start = [ffmpeg, "-nostdin", "-loglevel", "error", "-y"]
    pattern = f"testsrc2=size={size}:rate={rate}:duration={_PIECE}"
    picture = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    subprocess.run([*start, "-f", "lavfi", "-i", pattern, "-f", "lavfi", "-i", f"sine=duration={_PIECE}",
                    *picture, "-c:a", "aac", piece], check=True)  # fmt: skip
    for seconds in lengths:
        clip = folder / f"{seconds}.mp4"
        again = ["-stream_loop", str(-(-seconds // _PIECE) - 1), "-i", str(piece), "-t", str(seconds), "-c", "copy"]
        subprocess.run([*start, *again, clip], check=True)
        yield seconds, clip
        clip.unlink()


def watch(command: list[str]) -> tuple[dict[str, int], int]:
    """Run a command; the peaks of its processes by name, and that of their sum, in KiB."""
    peaks: dict[str, int] = defaultdict(int)
    most = 0
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        together = 0
        for pid in (process.pid, *_children(process.pid)):
            now, peak = (_field(pid, name) for name in ("VmRSS", "VmHWM"))
            name = "reconet" if pid == process.pid else _role(pid)
            peaks[name] = max(peaks[name], peak)
            together += now
        most = max(most, together)
        time.sleep(_STEP)
    if process.returncode:
        sys.exit(process.stderr.read() if process.stderr else "failed")
    return peaks, most


def _children(parent: int) -> list[int]:
    others = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [pid for pid in others if _field(pid, "PPid") == parent]


def _field(pid: int, name: str) -> int:
    """A number out of a process's status, 0 where there is none."""
    try:
        found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _role(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return "other"
    return "decoder" if "showinfo" in command else "encoder" if "matroska" in command else "other"


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, nargs="+", default=[10, 60, 600])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--rate", type=int, default=25, help="frames a second")
    parser.add_argument("--ffmpeg")
    parser.add_argument("options", nargs="*", help="of `reconet stylize`, behind --")
    options = parser.parse_args()
    ffmpeg = find_ffmpeg(options.ffmpeg)
    print(f"{options.size}, {options.rate} fps; MiB\n")
    print("| input | frames | reconet | decoder | encoder | all at once |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seconds, clip in make_clips(ffmpeg, folder, options.size, options.rate, options.seconds):
            command = [sys.executable, "-c", IDENTITY, "stylize", "--style", "identity", str(clip),
                       str(folder / "out.mp4"), "-y", "--ffmpeg", ffmpeg, *options.options]  # fmt: skip
            peaks, most = watch(command)
            values = [*(peaks[name] for name in ("reconet", "decoder", "encoder")), most]
            shown = " | ".join(f"{value / 1024:.0f}" for value in values)
            print(f"| {seconds} s | {seconds * options.rate} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
