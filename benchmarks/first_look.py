"""How long a picture takes that nobody has learned: seconds to the first painted frame and to the end of a clip.

    python benchmarks/first_look.py CLIP PICTURE...

Each picture is a style twice, with folders of styles and of converted networks that are empty at first: it is learned
and kept, then found. Frames go into a pipe, so the first one is there when it has been written. Seconds of the clock
mean little where something else wants the cores; those of processor time say so.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_BLOCK = 1 << 20


def look(clip: Path, picture: Path, folder: Path, more: list[str]) -> tuple[float, float, float]:
    """Paint; seconds to the first frame, to the end, and of processor time."""
    kept = {"RECONET_STYLES": str(folder / "styles"), "RECONET_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "reconet_cli", "-q", "stylize", str(clip), "-", "--style", str(picture), *more]
    before, began = _processor_time(), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **kept}) as process:
        assert process.stdout
        size = {field[:1]: int(field[1:]) for field in process.stdout.readline().split()[1:3]}
        process.stdout.read(len(b"FRAME\n") + size[b"W"] * size[b"H"])  # at least its luma
        first = time.perf_counter() - began
        while process.stdout.read(_BLOCK):
            pass
    if process.returncode:
        raise SystemExit(process.returncode)
    return first, time.perf_counter() - began, _processor_time() - before


def _processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def steps(folder: Path) -> int:
    """The steps that the one style in a folder has learned."""
    (card,) = folder.glob("styles/*/card.json")
    return int(json.loads(card.read_text())["variants"]["fast"]["steps"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--learn", help="as of `reconet stylize`")
    args = parser.parse_args()
    print(f"{'':<24}{'steps':>7}{'first frame':>13}{'end':>8}{'processor':>11}{'again':>8}")
    for picture in args.pictures:
        with tempfile.TemporaryDirectory() as folder:
            first, end, processor = look(
                args.clip, picture, Path(folder), ["--learn", args.learn] if args.learn else []
            )
            again, _, _ = look(args.clip, picture, Path(folder), [])
            learned = steps(Path(folder))
        print(f"{picture.name:<24}{learned:>7}{first:>11.1f} s{end:>6.1f} s{processor:>9.1f} s{again:>6.1f} s")


if __name__ == "__main__":
    main()
