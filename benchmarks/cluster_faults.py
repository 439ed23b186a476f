"""Faults in a cluster that paints one film: each must end in the right film, or in one line that says what is wrong.

    python benchmarks/cluster_faults.py --cases 200 [--results faults.jsonl]
    python benchmarks/cluster_faults.py --frames 3000 --within 15 --fault "a worker is killed" [--fault …]

A scheduler and two workers run as processes of this machine. A case paints a small film with sound, and something
happens at a random moment: see `FAULTS`. Where a command fails, it is given again, with the cluster or with
`--resumable` alone. Pictures, sound and all their times are compared with those of a film that was painted without a
cluster. The results of finished cases are kept, and the same command goes on behind them. Linux alone (`prlimit`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from reconet_cli.video.ffmpeg.locate import find_ffmpeg

_WORKERS = 2
_PATIENCE = 240  # seconds until a command counts as hung
_FRAMES = 400
_WITHIN = 4.0  # seconds from the beginning of painting, when it happens
# Makes a worker one of another version, or one that has not the style.
_OTHER_VERSION = "import reconet_cli.stylizing.cluster.work as work; work.__version__ = '0.0'\n"
_WITHOUT_STYLE = (
    "import reconet_cli.stylizing.cluster.work as work\n"
    "from reconet_cli.errors import StyleError\n"
    "def load(self): raise StyleError('the style is not there')\n"
    "work.StyleSource.load = load\n"
)
# Keeps painting busy for a while, so that a moment can be hit, and fails as a GPU does.
_NO_MEMORY = (
    "import reconet_cli.stylizing.cluster.work as work\n"
    "def run(*_): raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')\n"
    "work.run = run\n"
)


class Machines:
    """A scheduler and workers, which can be hurt and mended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = str(probe.getsockname()[1])
        self.address = f"tcp://127.0.0.1:{self._port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_scheduler(self) -> None:
        """Start it, or start it again."""
        self.scheduler = self._dask("scheduler", "--host", "127.0.0.1", "--port", self._port, "--no-dashboard")

    def start_worker(self, preload: str = "") -> None:
        """Start one, which runs `preload` first."""
        options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--memory-limit", "0"]
        if preload:
            file = self._folder / f"preload{len(list(self._folder.glob('preload*')))}.py"
            file.write_text(preload)
            options += ["--preload", str(file)]
        self.workers.append(self._dask("worker", self.address, *options))

    def _dask(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *command], cwd=self._folder, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def mend(self) -> None:
        """Start what has ended."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.start_scheduler()
        for worker in [worker for worker in self.workers if worker.poll() is not None]:
            self.workers.remove(worker)
        while len(self.workers) < _WORKERS:
            self.start_worker()

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def replace_workers(self, *preloads: str) -> None:
        """Workers with these preloads instead of those that are there."""
        for worker in self.workers:
            self.end(worker)
        self.workers.clear()
        for preload in preloads:
            self.start_worker(preload)

    def close(self) -> None:
        """End everything."""
        for process in [*self.workers, self.scheduler]:
            if process:
                self.end(process)


@dataclass
class Case:
    """What a fault may touch."""

    machines: Machines
    client: subprocess.Popen[str]
    film: Path
    chance: random.Random


def _kill_worker(case: Case) -> None:
    case.chance.choice(case.machines.workers).kill()


def _kill_workers(case: Case) -> None:
    for worker in case.machines.workers:
        worker.kill()
        worker.wait()
    time.sleep(1)
    case.machines.mend()


def _hang_worker(case: Case) -> None:
    case.chance.choice(case.machines.workers).send_signal(signal.SIGSTOP)


def _pause_worker(case: Case) -> None:
    worker = case.chance.choice(case.machines.workers)
    worker.send_signal(signal.SIGSTOP)
    time.sleep(case.chance.uniform(1, 5))
    worker.send_signal(signal.SIGCONT)


def _restart_scheduler(case: Case) -> None:
    assert case.machines.scheduler
    case.machines.end(case.machines.scheduler)
    time.sleep(1)
    case.machines.start_scheduler()
    time.sleep(3)
    case.machines.mend()


def _kill_client(case: Case) -> None:
    case.client.kill()


def _interrupt_client(case: Case) -> None:
    case.client.send_signal(signal.SIGINT)


def _change_source(case: Case) -> None:
    with case.film.open("ab") as file:
        file.write(b"\0" * 1000)


def _fill_disk(case: Case) -> None:
    """No file may grow beyond a few bytes."""
    worker = case.chance.choice(case.machines.workers)
    subprocess.run(["prlimit", "--pid", str(worker.pid), "--fsize=20000"], check=True)


def _nothing(_: Case) -> None:
    pass


@dataclass(frozen=True)
class Fault:
    """`preloads` are those of the workers, if they are not the usual ones; a `broken` cluster can only fail."""

    name: str
    happen: Callable[[Case], None]
    preloads: tuple[str, ...] = ()
    broken: bool = False
    transfer: bool = False


FAULTS = [
    Fault("a worker is killed", _kill_worker),
    Fault("a worker is killed, segments are sent", _kill_worker, transfer=True),
    Fault("all workers are killed, and others come", _kill_workers),
    Fault("a worker hangs", _hang_worker),
    Fault("a worker stops for some seconds", _pause_worker),
    Fault("the scheduler is killed and comes back", _restart_scheduler),
    Fault("the client is killed", _kill_client),
    Fault("the client is interrupted", _interrupt_client),
    Fault("a worker's disk is full", _fill_disk),
    Fault("the source changes", _change_source, broken=True),
    Fault("a worker has another version", _nothing, ("", _OTHER_VERSION)),
    Fault("a worker lacks the style", _nothing, ("", _WITHOUT_STYLE)),
    Fault("a worker runs out of GPU memory", _nothing, ("", _NO_MEMORY)),
    Fault("all workers have another version", _nothing, (_OTHER_VERSION, _OTHER_VERSION), broken=True),
    Fault("all workers lack the style", _nothing, (_WITHOUT_STYLE, _WITHOUT_STYLE), broken=True),
    Fault("all workers run out of GPU memory", _nothing, (_NO_MEMORY, _NO_MEMORY), broken=True),
]


@dataclass
class Result:
    """What became of a case: `outcome` is right, error, wrong, hung or left."""

    number: int
    fault: str
    outcome: str
    again: bool
    seconds: float
    said: str


def _make(path: Path, frames: int) -> None:
    size = f"testsrc2=size=160x90:rate=25:duration={frames / 25}"
    subprocess.run(
        [find_ffmpeg(), "-v", "error", "-y", "-f", "lavfi", "-i", size, "-f", "lavfi", "-i",
         f"sine=duration={frames / 25}", "-c:v", "libx264", "-preset", "ultrafast", "-g", "40", "-pix_fmt", "yuv420p",
         "-c:a", "aac", str(path)], check=True,
    )  # fmt: skip


def _content(path: Path) -> str:
    command = [find_ffmpeg(), "-v", "error", "-i", str(path), "-map", "0", "-f", "framemd5", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _command(film: Path, output: Path, *more: str) -> list[str]:
    options = ["--style", "mosaic", "--precision", "fp32", "--codec", "ffv1", "-y", *more]
    return [sys.executable, "-m", "reconet_cli", "-q", "stylize", str(film), str(output), *options]


def _finish(client: subprocess.Popen[str]) -> tuple[int | None, str]:
    try:
        said = client.communicate(timeout=_PATIENCE)[1]
    except subprocess.TimeoutExpired:
        client.kill()
        return None, client.communicate()[1]
    return client.returncode, said


def _is_clear(said: str) -> bool:
    lines = [line for line in said.splitlines() if line.startswith("error:")]
    return len(lines) == 1 and "Traceback" not in said and "worker" in lines[0]


def try_fault(
    number: int, fault: Fault, machines: Machines, place: Path, whole: Path, wanted: str, within: float
) -> Result:
    """Paint a film, let it happen, and look at what there is in the end."""
    chance = random.Random(number)
    folder = place / f"case{number}"
    folder.mkdir()
    film, output = folder / "film.mp4", folder / "painted.mkv"
    shutil.copy2(whole, film)
    if fault.preloads:
        machines.replace_workers(*fault.preloads)
    machines.mend()
    more = ["--cluster", machines.address, *(["--cluster-transfer"] if fault.transfer else [])]
    began = time.monotonic()
    client = subprocess.Popen(_command(film, output, *more), stderr=subprocess.PIPE, text=True)
    parts = folder / "painted.mkv.parts"
    while client.poll() is None and not parts.is_dir() and time.monotonic() - began < _PATIENCE:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, within))
    if client.poll() is None:
        fault.happen(Case(machines, client, film, chance))
    status, said = _finish(client)
    again = False
    outcome = "hung" if status is None else "error" if fault.broken and _is_clear(said) else ""
    if not outcome and status and not fault.broken:
        # What cannot be helped has to be said, and then the same command goes on.
        stopped = fault.happen in (_kill_client, _interrupt_client)
        again = stopped or (_is_clear(said) and not output.exists())
        if again:
            machines.mend()
            last = more if chance.random() < 0.5 else ["--resumable"]
            status, _ = _finish(subprocess.Popen(_command(film, output, *last), stderr=subprocess.PIPE, text=True))
            outcome = "hung" if status is None else ""
    if not outcome:
        outcome = "right" if status == 0 and output.exists() and _content(output) == wanted else "wrong"
    others = [path.name for path in folder.iterdir() if path not in (film, output)]
    if (outcome == "right" and others) or (outcome == "error" and output.exists()):
        outcome = "left"
    if fault.preloads or fault.happen in (_hang_worker, _fill_disk):
        machines.replace_workers()
    if outcome in ("right", "error"):
        shutil.rmtree(folder)
    return Result(number, fault.name, outcome, again, round(time.monotonic() - began, 1), said.strip()[-300:])


def table(results: list[Result]) -> str:
    """A line for each fault."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        counts[result.fault][result.outcome] += 1
        counts[result.fault]["again"] += result.again
    names = ("right", "again", "error", "wrong", "hung", "left")
    head = "| fault | cases | right film | of these after a second command | clear error | wrong | hung | left behind |"
    lines = [head, "|--|--|--|--|--|--|--|--|"]
    for fault, count in counts.items():
        cases = sum(count[name] for name in names if name != "again")
        lines.append(f"| {fault} | {cases} | {' | '.join(str(count[name]) for name in names)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--frames", type=int, default=_FRAMES, help="of the film")
    parser.add_argument("--within", type=float, default=_WITHIN, help="seconds of painting, when it happens")
    parser.add_argument("--fault", action="append", choices=[fault.name for fault in FAULTS], help="instead of all")
    parser.add_argument("--results", type=Path, default=Path("cluster-faults.jsonl"))
    args = parser.parse_args()
    lines = args.results.read_text().splitlines() if args.results.exists() else []
    results = [Result(**json.loads(line)) for line in lines]
    faults = [fault for fault in FAULTS if not args.fault or fault.name in args.fault]
    place = Path(tempfile.mkdtemp(prefix="cluster-faults-"))
    machines = Machines(place)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # clients would ignore it, too, if this is in the background
    try:
        whole = place / "whole.mp4"
        _make(whole, args.frames)
        subprocess.run(_command(whole, place / "alone.mkv"), check=True)
        wanted = _content(place / "alone.mkv")
        for number in range(len(results), args.cases):
            result = try_fault(number, faults[number % len(faults)], machines, place, whole, wanted, args.within)
            results.append(result)
            with args.results.open("a") as file:
                print(json.dumps(asdict(result)), file=file)
            print(f"{number} {result.fault}: {result.outcome}, {result.seconds} s  {result.said}", flush=True)
    finally:
        machines.close()
    print(table(results))


if __name__ == "__main__":
    main()
