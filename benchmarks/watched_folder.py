"""Soak of a watched folder: files arrive slowly, some damaged, and the watcher is killed and started again.

    python benchmarks/watched_folder.py

Pictures and clips are written in pieces with pauses, by several writers at a time. Every tenth file is damaged, and
every other one of those is written again later as it should be. The watcher ends by SIGKILL and SIGINT in turn. At the
end every good file must have been painted once and whole, and no other. "Painted once" is what the folder of results
says: no name ever stood for two files (inode and time of change), looked at twenty times a second.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import reconet_cli as reconet

_ENDS = (".png", ".jpg", ".mp4", ".mkv")
_FRAMES = 5


@dataclass(frozen=True)
class Arrival:
    """What is written under a name: versions one after the other, of which the last one counts."""

    name: str
    versions: tuple[bytes, ...]
    good: bool


def contents(folder: Path) -> dict[str, bytes]:
    """A small good file of each kind."""
    made = {}
    colors = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = cv2.resize(colors, (64, 48), interpolation=cv2.INTER_CUBIC)
    for end in _ENDS:
        path = folder / f"good{end}"
        if end in (".png", ".jpg"):
            cv2.imwrite(str(path), picture)
        else:
            loop = folder / "frames"
            loop.mkdir(exist_ok=True)
            for number in range(_FRAMES):
                cv2.imwrite(str(loop / f"{number}.png"), np.roll(picture, number, axis=1))
            reconet.stylize(loop, path, style="mosaic", strength=0)
        made[end] = path.read_bytes()
    return made


def arrivals(count: int, good: dict[str, bytes], chance: random.Random) -> list[Arrival]:
    """Every tenth is damaged, and of those every other one mended later."""
    plan = []
    for number in range(count):
        damage = number % 10 == 9
        end = _ENDS[(number // 20 if damage else number) % len(_ENDS)]
        content = good[end]
        if not damage:
            plan.append(Arrival(f"{number:03d}{end}", (content,), good=True))
            continue
        # Headers are missing in some, and some are noise.
        damaged = content[: len(content) // 8] if number % 20 == 9 else chance.randbytes(500)
        mended = number % 20 == 19
        plan.append(Arrival(f"{number:03d}{end}", (damaged, content) if mended else (damaged,), good=mended))
    return plan


def write(path: Path, content: bytes, chance: random.Random) -> None:
    """Write in pieces, with pauses that are shorter than a watcher waits."""
    pieces = chance.randint(2, 5)
    size = -(-len(content) // pieces)
    with path.open("wb") as file:
        for start in range(0, len(content), size):
            file.write(content[start : start + size])
            file.flush()
            time.sleep(chance.uniform(0.1, 1.2))


def writer(folder: Path, plan: list[Arrival], seed: int) -> None:
    """Write files one after the other; damaged ones that are mended, seconds later."""
    chance = random.Random(seed)
    later: list[tuple[float, Arrival]] = []
    for arrival in plan:
        write(folder / arrival.name, arrival.versions[0], chance)
        if len(arrival.versions) > 1:
            later.append((time.monotonic() + 8, arrival))
    for moment, arrival in later:
        time.sleep(max(0.0, moment - time.monotonic()))
        write(folder / arrival.name, arrival.versions[1], chance)


class Observer(threading.Thread):
    """Notes which files have stood under each name of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, set[tuple[int, int]]] = defaultdict(set)
        self.ended = threading.Event()
        self._folder = folder

    def run(self) -> None:
        """Look until `ended` is set."""
        while not self.ended.wait(0.05):
            for path in self._folder.glob("[!.]*"):
                status = path.stat()
                self.seen[path.name].add((status.st_ino, status.st_mtime_ns))


def frames(path: Path) -> int:
    """The number of frames in a file."""
    with reconet.open_video(path) as video:
        return sum(1 for _ in video)


def main() -> int:
    """Run the soak, and print what was painted how often."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=200)
    options.add_argument("--writers", type=int, default=4)
    options.add_argument("--session", type=float, default=25.0, help="seconds until a watcher is ended")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        return soak(Path(scratch), given)


def soak(scratch: Path, given: argparse.Namespace) -> int:
    """The soak in an empty folder; 1 if anything was not as it should be."""
    inbox, out = scratch / "inbox", scratch / "out"
    inbox.mkdir()
    out.mkdir()
    plan = arrivals(given.files, contents(scratch), random.Random(given.seed))
    command = [sys.executable, "-m", "reconet_cli", "stylize", str(inbox), "--output-dir", str(out), "--watch",
               "--style", "mosaic", "--name", "{stem}{suffix}", "--preset", "ultrafast"]  # fmt: skip
    observer = Observer(out)
    observer.start()
    writers = [
        threading.Thread(target=writer, args=[inbox, plan[number :: given.writers], given.seed + number])
        for number in range(given.writers)
    ]
    began = time.monotonic()
    for thread in writers:
        thread.start()
    ends: dict[str, int] = defaultdict(int)
    wanted = {arrival.name for arrival in plan if arrival.good}
    log = scratch / "log"
    while True:
        last = not any(thread.is_alive() for thread in writers)
        with log.open("a") as told:
            process = subprocess.Popen(command, stdout=told, stderr=told)
        end = time.monotonic() + given.session * (4 if last else 1)
        while time.monotonic() < end and not (last and wanted <= set(observer.seen)):
            time.sleep(0.1)
        how = signal.SIGINT if sum(ends.values()) % 2 or last else signal.SIGKILL
        time.sleep(3 if last else 0)  # for what should not be painted
        process.send_signal(how)
        status = process.wait()
        ends[how.name] += 1
        if how is signal.SIGINT and status not in (0, 1):
            print(f"SIGINT ended a watcher with status {status}")
        if last:
            break
    observer.ended.set()
    observer.join()
    text = log.read_text()
    once = {name for name, versions in observer.seen.items() if len(versions) == 1}
    wrong = sorted((wanted ^ set(observer.seen)) | (set(observer.seen) - once))
    short = [name for name in sorted(once) if frames(out / name) != (1 if name[-3:] in ("png", "jpg") else _FRAMES)]
    left = [path.name for path in out.glob(".*")]
    kept = sum((inbox / arrival.name).read_bytes() == arrival.versions[-1] for arrival in plan)
    print(f"{given.files} files in {time.monotonic() - began:.0f} s, {given.writers} writers, seed {given.seed}")
    print(f"watchers ended: {', '.join(f'{count} by {name}' for name, count in ends.items())}")
    print(f"good files: {len(wanted)}, of which painted exactly once: {len(once & wanted)}")
    painted = len(set(observer.seen) - wanted)
    print(f"damaged files that were not mended: {given.files - len(wanted)}, painted: {painted}")
    print(f"not as they should be: {wrong or 'none'}; not whole: {short or 'none'}; left behind: {left or 'none'}")
    print(f"inputs as they were written: {kept} of {given.files}; traces in the log: {text.count('Traceback')}")
    return int(bool(wrong or short or left or kept < given.files or "Traceback" in text))


if __name__ == "__main__":
    sys.exit(main())
