"""How far `reconet stylize --cluster` scales: real runs give the costs, and a simulation goes on from there.

    python benchmarks/cluster_scaling.py --style mosaic --size 640x360 --plot scaling.svg [--costs costs.json]

Costs are measured with one single-threaded worker on this machine and written to `--costs`, from where the next call
takes them. Then runs with one and two workers, of other lengths, are compared with what the simulation says about them.
More workers than cores would share them, so they prove nothing.

The simulation goes from event to event: workers load the network with their first segment; painting takes a time for
each segment and one for each frame, those to warm up with too; the client hands out and files one segment after the
other; one file server moves the film's and the segments' bytes in the order in which they are asked for, while workers
paint; at the end the client joins. Workers are alike, no segment is lost, and none is painted twice.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster
from distributed.diagnostics.plugin import SchedulerPlugin

from reconet_cli.stylizing.cluster.spans import segment_length
from reconet_cli.stylizing.resume.run import SEGMENT
from reconet_cli.system.processors import limit_processors
from reconet_cli.video.ffmpeg.locate import find_ffmpeg

_WORKERS = [2**power for power in range(10)]
_MINUTES = [10, 30, 90, 180]
_RATE = 25
_COLORS = ["#1b6ca8", "#c8553d", "#4f7942", "#7d5ba6"]


@dataclass(frozen=True)
class Costs:
    """Seconds, except for the last ones: a frame's bytes read and written, and the file server's bytes per second.

    `start` is the client's until it hands out the first segment, `load` a worker's before its first one, `segment` and
    `frame` are painting's, `spread` its standard deviation relative to its mean, `task` the client's for each segment,
    and `end` and `join` are those of joining at all and of each segment. The file server's rate is that of a network of
    1 Gbit/s, which moves as much in each direction at the same time, also while the client reads and writes the film
    again to join it.
    """

    start: float
    load: float
    segment: float
    frame: float
    spread: float
    task: float
    end: float
    join: float
    frame_in: float
    frame_out: float
    server: float = 117e6


def simulate(costs: Costs, frames: int, workers: int, warm_up: int = 1, seed: int = 0) -> float:
    """Seconds from the command's start to the film's end."""
    chance = random.Random(seed)
    length = segment_length(frames, workers, SEGMENT)
    spans = [min(length, frames - start) for start in range(0, frames, length)]
    client, server, last = costs.start, 0.0, 0.0
    free = [(costs.start + (costs.load if worker else 0), worker) for worker in range(workers)]
    heapq.heapify(free)
    for number, count in enumerate(spans):
        ready, worker = heapq.heappop(free)
        client = begin = max(client, ready) + costs.task
        moved = max((count + warm_up) * costs.frame_in, count * costs.frame_out)
        server = max(server, begin) + moved / costs.server
        paint = costs.segment + (count + (warm_up if number else 0)) * costs.frame
        done = max(begin + paint * max(0.2, chance.gauss(1, costs.spread)), server)
        last = max(last, done)
        heapq.heappush(free, (done, worker))
    return last + costs.end + len(spans) * costs.join + frames * costs.frame_out / costs.server


def efficiency(costs: Costs, frames: int, workers: int, warm_up: int) -> float:
    """The time of one worker over that of all of them together."""
    return simulate(costs, frames, 1, warm_up) / (workers * simulate(costs, frames, workers, warm_up))


def limit(costs: Costs, frames: int, workers: int, warm_up: int) -> str:
    """What costs most besides painting: without it, the film would be done soonest."""
    without = {
        "starting": replace(costs, start=0, load=0), "warming up": costs, "segments": replace(costs, segment=0),
        "uneven segments": replace(costs, spread=0), "the client": replace(costs, task=0),
        "joining": replace(costs, end=0, join=0), "the file server": replace(costs, server=math.inf),
    }  # fmt: skip
    seconds = {
        name: simulate(other, frames, workers, 0 if name == "warming up" else warm_up)
        for name, other in without.items()
    }
    best = min(seconds, key=lambda name: seconds[name])
    return best if seconds[best] < 0.98 * simulate(costs, frames, workers, warm_up) else "painting"


class _Record(SchedulerPlugin):
    """When which worker computed what."""

    def __init__(self) -> None:
        self.tasks: list[tuple[float, float, str]] = []

    def transition(self, key: Any, start: Any, finish: Any, *args: Any, stimulus_id: str, **kwargs: Any) -> None:
        """Called by Dask for each change of a task."""
        if finish == "memory" and str(key).startswith("reconet-"):
            spans = [span for span in kwargs["startstops"] if span["action"] == "compute"]
            self.tasks.append((spans[-1]["start"], spans[-1]["stop"], kwargs["worker"]))


@dataclass(frozen=True)
class Run:
    """A real run: its seconds, those before the first segment and after the last, a frame's bytes in and out.

    `cpu` are the workers' seconds of processors, `tasks` start, end and worker of each segment.
    """

    frames: int
    seconds: float
    start: float
    end: float
    cpu: float
    sizes: tuple[float, float]
    tasks: list[tuple[float, float, str]]

    @property
    def gaps(self) -> list[float]:
        """The time that each worker waited between two segments."""
        found = []
        for worker in {task[2] for task in self.tasks}:
            own = sorted(task for task in self.tasks if task[2] == worker)
            found += [b[0] - a[1] for a, b in itertools.pairwise(own)]
        return found


class Workers:
    """A cluster on this machine; in `processes` of one thread each, or in this process."""

    def __init__(self, count: int, *, processes: bool = True) -> None:
        options: dict[str, Any] = {"dashboard_address": ":0", "memory_limit": 0, "threads_per_worker": 1}
        self.record = _Record()
        with dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}):  # as reconet does
            cluster: Any = LocalCluster(n_workers=count, processes=processes, protocol="tcp://", **options)
        self._cluster, self._client = cluster, Client(cluster)
        cluster.scheduler.add_plugin(self.record)
        if processes:
            self._client.run(_pin)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._cluster.close()

    def cpu(self) -> float:
        """Seconds of processors that the workers and what they have started took so far."""
        return sum(sum(times) for times in self._client.run(_times).values())

    def paint(self, folder: Path, style: str, frames: int, size: str) -> Run:
        """Paint a test pattern with a tone."""
        clip, output = folder / "clip.mkv", folder / "painted.mkv"
        subprocess.run(
            [find_ffmpeg(), "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={_RATE}",
             "-f", "lavfi", "-i", "sine", "-t", str(frames / _RATE), "-c:v", "libx264", "-preset", "ultrafast",
             "-pix_fmt", "yuv420p", str(clip)], check=True,
        )  # fmt: skip
        command = [sys.executable, "-m", "reconet_cli", "-q", "stylize", str(clip), str(output), "--style", style, "-y"]
        self.record.tasks.clear()
        before, began = self.cpu(), time.time()
        subprocess.run([*command, "--cluster", self._cluster.scheduler_address], check=True)
        ended, cpu = time.time(), self.cpu() - before
        tasks = sorted(self.record.tasks)
        sizes = clip.stat().st_size / frames, output.stat().st_size / frames
        last = max(task[1] for task in tasks)
        return Run(frames, ended - began, tasks[0][0] - began, ended - last, cpu, sizes, tasks)


def _pin(dask_worker: Any) -> None:
    limit_processors(1, dask_worker.name)


def _times() -> tuple[float, ...]:
    return tuple(os.times())[:4]


def measure(folder: Path, style: str, size: str, lengths: tuple[int, int]) -> Costs:
    """The costs of one single-threaded worker, and of the client with many segments of a tiny film.

    What a worker does is counted in seconds of processors, which others on this machine change little; of the client's
    times the shortest counts.
    """
    with Workers(1) as workers:
        first, short, long = (workers.paint(folder, style, frames, size) for frames in (50, *lengths))
    frame = (long.cpu - short.cpu) / (long.frames - short.frames)
    segment = max(0.0, (short.cpu - short.frames * frame) / len(short.tasks))
    with Workers(2, processes=False) as workers:
        few = workers.paint(folder, style, 400, "64x48")
    with Workers(8, processes=False) as workers:
        many = workers.paint(folder, style, 1600, "64x48")
    runs = (first, short, long, few, many)
    spans = [stop - start for start, stop, _ in long.tasks]
    join = max(0.0, (many.end - few.end) / (len(many.tasks) - len(few.tasks)))
    return Costs(
        start=min(run.start for run in runs), load=max(0.0, first.cpu - segment - 50 * frame), segment=segment,
        frame=frame, spread=statistics.pstdev(spans) / statistics.mean(spans),
        task=statistics.median(short.gaps + long.gaps), end=min(run.end for run in runs), join=join,
        frame_in=long.sizes[0], frame_out=long.sizes[1],
    )  # fmt: skip


def validate(folder: Path, style: str, size: str, costs: Costs) -> None:
    """Compare real runs with the simulation: with the measured costs, and with the run's own start and pace."""
    print("\n| workers | frames | real | simulated | error | with the run's own pace | error |\n|--|--|--|--|--|--|--|")
    for workers, frames in ((1, 400), (2, 400), (2, 1000)):
        with Workers(workers) as cluster:
            real = cluster.paint(folder, style, frames, size)
        length = segment_length(frames, workers, SEGMENT)
        spans = [stop - start for start, stop, _ in real.tasks]
        usual = statistics.mean(spans[workers:])
        own = replace(
            costs, start=real.start, load=max(0.0, statistics.mean(spans[:workers]) - usual),
            frame=max(0.0, usual - costs.segment) / (length + 1),
        )  # fmt: skip
        seconds = [simulate(each, frames, workers) for each in (costs, own)]
        shown = [f"{value:.1f} s | {100 * (value / real.seconds - 1):+.0f}%" for value in seconds]
        print(f"| {workers} | {frames} | {real.seconds:.1f} s | {' | '.join(shown)} |", flush=True)


def plot(costs: Costs, warm_up: int) -> str:
    """Efficiency over the number of workers, a curve for each length of film, as SVG."""
    width, height, left, top = 640, 300, 46, 12

    def place(workers: int, share: float) -> str:
        return f"{left + (width - left - 90) * math.log2(workers) / 9:.1f},{top + (height - 50) * (1 - share):.1f}"

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
             'font-size="12"><rect width="100%" height="100%" fill="white"/>']  # fmt: skip
    for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
        x, y = place(1, share).split(",")
        parts += [f'<path d="M{x},{y}H{width - 90}" stroke="#ddd"/><text x="8" y="{float(y) + 4}">{share:.0%}</text>']
    for workers in _WORKERS:
        x, y = place(workers, 0).split(",")
        parts += [f'<text x="{x}" y="{float(y) + 16}" text-anchor="middle">{workers}</text>']
    parts += [f'<text x="{width / 2 - 40}" y="{height - 4}" text-anchor="middle">workers</text>']
    for minutes, color in zip(_MINUTES, _COLORS, strict=True):
        shares = [efficiency(costs, minutes * 60 * _RATE, workers, warm_up) for workers in _WORKERS]
        points = [place(workers, share) for workers, share in zip(_WORKERS, shares, strict=True)]
        x, y = points[-1].split(",")
        parts += [f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="2"/>',
                  f'<text x="{float(x) + 6}" y="{float(y) + 4}" fill="{color}">{minutes} minutes</text>']  # fmt: skip
    return "".join([*parts, "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--size", default="320x180", help="of the frames that costs are measured with")
    parser.add_argument("--costs", type=Path, default=Path("costs.json"))
    parser.add_argument(
        "--larger", type=float, default=1, help="a frame's area, seconds and bytes are so many times as large"
    )
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--deflicker", action="store_true", help="with the frames to warm up that it needs")
    parser.add_argument("--no-check", action="store_true", help="do not compare with real runs")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if not args.costs.exists():
            costs = measure(Path(name), args.style, args.size, (200, 500))
            args.costs.write_text(json.dumps(asdict(costs), indent=1))
        costs = Costs(**json.loads(args.costs.read_text()))
        print(", ".join(f"{field} {value:.4g}" for field, value in asdict(costs).items()))
        if not args.no_check:
            validate(Path(name), args.style, args.size, costs)
    larger = {name: getattr(costs, name) * args.larger for name in ("frame", "frame_in", "frame_out")}
    costs = replace(costs, **larger)
    warm_up = 60 if args.deflicker else 1
    print("\nEfficiency, minutes that it takes, and what costs most:\n")
    print(f"| workers | {' | '.join(f'{minutes} min film' for minutes in _MINUTES)} |\n|--|{'--|' * len(_MINUTES)}")
    for workers in _WORKERS:
        cells = []
        for minutes in _MINUTES:
            frames = minutes * 60 * _RATE
            share, took = efficiency(costs, frames, workers, warm_up), simulate(costs, frames, workers, warm_up) / 60
            cells.append(f"{share:.0%}, {took:.1f} min, {limit(costs, frames, workers, warm_up)}")
        print(f"| {workers} | {' | '.join(cells)} |")
    if args.plot:
        args.plot.write_text(plot(costs, warm_up))


if __name__ == "__main__":
    main()
