"""Who paints which segment: handing out, watching over workers, and trying again elsewhere."""

from __future__ import annotations

import asyncio
import logging
import secrets
import statistics
import time
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent import futures
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from reconet_cli.errors import MediaError, ReconetError
from reconet_cli.stylizing.cluster.finished import Finished
from reconet_cli.stylizing.cluster.session import SchedulerGoneError, Session
from reconet_cli.stylizing.cluster.spans import Span
from reconet_cli.stylizing.cluster.work import Done, Failed, Film, Task, paint_segment, settled_stages
from reconet_cli.stylizing.whole import Progress

log = logging.getLogger("reconet")

_LOOK = 0.5  # seconds between two looks at the workers
_SILENCE = 120.0  # seconds without a frame until a worker counts as hung; the first frame needs a network to be loaded
_RETURN = 60.0  # seconds that a cluster may be without workers
_MOST_TRIES = 5  # of a segment
_MOST_FAILURES = 2  # in a row, until a worker gets no more
_SLOW = 1.5  # times the usual time, until an idle worker paints the segment as well


@dataclass
class _Attempt:
    """A segment that a worker is painting."""

    span: Span
    worker: str
    future: Any
    began: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    frames: int = 0


def work(film: Film, task: Task, attempt: str, settled: Any) -> Done | Failed:
    """A Dask task: paint a segment and tell the client how far it is."""
    from distributed import get_worker

    worker = get_worker()
    return paint_segment(film, task, attempt, settled, lambda frames: worker.log_event(film.token, [attempt, frames]))


def wait_for(running: list[Any]) -> None:
    """Until one of these futures is done, but not for long: workers are to be looked at."""
    from distributed import wait

    # Tasks that are cancelled or lost show in their status.
    with suppress(TimeoutError, asyncio.TimeoutError, futures.CancelledError, asyncio.CancelledError):
        if running:
            wait(running, timeout=_LOOK, return_when="FIRST_COMPLETED")
        else:
            time.sleep(_LOOK)


def settle(client: Any, film: Film, height: int, width: int, sixteen_bit: bool) -> Any:
    """What the automatic choices come to on one of the workers. Raises ReconetError."""
    problem = None
    for worker in client.nthreads():
        answer = client.submit(
            settled_stages, film, (height, width, sixteen_bit), workers=[worker], pure=False
        ).result()
        if not isinstance(answer, Failed):
            return answer
        problem = _error(worker, "", answer)
    raise problem or ReconetError("the cluster has no worker", "start some, see docs/cluster.md")


def next_segment(queue: Collection[int], latest: int, painted: Collection[int]) -> int | None:
    """What a worker that has painted segment `latest` should paint next; None where nothing is left.

    It goes on behind its last segment, where it knows what deflicker remembers. Otherwise it takes the longest run of
    segments: from its beginning, or from its middle where somebody is about to come there.
    """
    if latest + 1 in queue:
        return latest + 1
    runs: list[list[int]] = []
    for number in sorted(queue):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    if not runs:
        return None
    longest = max(runs, key=len)
    return longest[len(longest) // 2 if longest[0] - 1 in painted else 0]


class Dispatcher:
    """Has all missing segments painted. One worker paints one segment at a time for each of its threads."""

    def __init__(
        self, session: Session, film: Film, finished: Finished, settled: Any, total: int, progress: Progress
    ) -> None:
        self._session = session
        self._client, self._busy = session.client, session.busy
        self._film = film
        self._finished = finished
        self._settled = settled
        self._total = total
        self._progress = progress
        self._shown = -1
        self._queue = {span.number: span for span in finished.missing}
        self._latest: dict[str, int] = {}  # the number of the segment that each worker has painted last
        self._running: dict[str, _Attempt] = {}
        self._tries: Counter[int] = Counter()
        self._failures: Counter[str] = Counter()
        self._times: list[float] = []
        self._problem: ReconetError | None = None  # the latest one
        self._workers_seen = time.monotonic()  # when there last was a worker

    def steps(self) -> Iterator[list[Any]]:
        """Until every segment is done, yield the futures that are waited for.

        Raises ReconetError, `SchedulerGoneError` where another client may go on.
        """
        self._client.subscribe_topic(self._film.token, self._hear)
        self._show()
        try:
            while self._finished.missing:
                workers = self._workers()
                self._drop_lost(workers)
                self._hand_out(workers)
                yield [attempt.future for attempt in self._running.values()]
                for name in [name for name, attempt in self._running.items() if attempt.future.status != "pending"]:
                    self._take(self._ended(name))
                self._show()
        finally:
            for name in list(self._running):
                with suppress(Exception):
                    self._ended(name).future.cancel(force=True)

    def _ended(self, name: str) -> _Attempt:
        """An attempt, whose worker is free for another one."""
        attempt = self._running.pop(name)
        self._busy[attempt.worker] -= 1
        return attempt

    def _workers(self) -> dict[str, int]:
        """Threads by worker, without those that fail."""
        if self._session.client is not self._client:
            raise SchedulerGoneError("the scheduler was started again", "see that it runs")
        found = self._session.threads()
        now = time.monotonic()
        if found:
            self._workers_seen = now
        elif now - self._workers_seen > _RETURN:
            raise ReconetError("the cluster has no worker any more", "start some, see docs/cluster.md")
        able = {name: threads for name, threads in found.items() if self._failures[name] < _MOST_FAILURES}
        if found and not able and self._problem:
            raise self._problem
        return able

    def _hand_out(self, workers: dict[str, int]) -> None:
        idle = [worker for worker, threads in workers.items() for _ in range(threads - self._busy[worker])]
        for worker in idle:
            number = next_segment(self._queue, self._latest.get(worker, -1), self._painted())
            span = self._slow(worker) if number is None else self._queue.pop(number)
            if span is not None:
                self._submit(span, worker)

    def _slow(self, worker: str) -> Span | None:
        """A segment that another worker has been painting for too long, alone."""
        if not self._times:
            return None
        usual, now = statistics.median(self._times), time.monotonic()
        painters = Counter(attempt.span.number for attempt in self._running.values())
        late = [
            attempt for attempt in self._running.values()
            if now - attempt.began > _SLOW * usual + _LOOK
            and attempt.worker != worker and painters[attempt.span.number] == 1
        ]  # fmt: skip
        return min(late, key=lambda attempt: attempt.began).span if late else None

    def _submit(self, span: Span, worker: str) -> None:
        name = secrets.token_hex(4)
        future = self._client.submit(
            work, self._film, self._finished.task(span), name, self._settled,
            key=f"reconet-{name}", workers=[worker], allow_other_workers=False, pure=False,
        )  # fmt: skip
        self._running[name] = _Attempt(span, worker, future)
        self._busy[worker] += 1

    def _hear(self, event: tuple[float, Any]) -> None:
        name, frames = event[1]
        if attempt := self._running.get(name):
            attempt.heard, attempt.frames = time.monotonic(), frames

    def _drop_lost(self, workers: dict[str, int]) -> None:
        """Take segments away from workers that have ended, or that say nothing any more."""
        now = time.monotonic()
        for name, attempt in list(self._running.items()):
            if attempt.future.status != "pending":
                continue
            if attempt.worker not in workers:
                reason = "ended"
            elif now - attempt.heard > _SILENCE:
                reason = f"was silent for {_SILENCE:.0f} seconds"
                self._failures[attempt.worker] = _MOST_FAILURES
            else:
                continue
            self._ended(name).future.cancel(force=True)
            self._again(attempt, Failed(reason, "look into the worker's log"))

    def _take(self, attempt: _Attempt) -> None:
        """What an attempt came to."""
        future, span = attempt.future, attempt.span
        if future.status == "finished":
            answer = future.result()
        elif future.status == "error":
            problem = future.exception()
            answer = Failed(f"{type(problem).__name__}: {problem}".splitlines()[0], "look into the worker's log")
        else:  # with the scheduler, or its worker
            self._again(attempt, Failed("was lost", "look into the worker's log"))
            return
        if isinstance(answer, Failed):
            if answer.hopeless:
                raise _error(attempt.worker, span.name, answer)
            self._failures[attempt.worker] += 1
            self._again(attempt, answer)
        elif self._finished.is_done(span):
            self._finished.discard(answer)
        else:
            self._failures[attempt.worker] = 0
            self._times.append(answer.seconds)
            self._latest[attempt.worker] = span.number
            self._finished.add(span, answer)
            for each in self._finished.missing:  # with what has to be read in another way
                if each.number not in self._painted():
                    self._queue[each.number] = each

    def _again(self, attempt: _Attempt, failed: Failed) -> None:
        """Try elsewhere, unless that has been tried enough."""
        span = attempt.span
        if self._finished.is_done(span):
            return
        self._tries[span.number] += 1
        error = _error(attempt.worker, span.name, failed)
        log.info(error.message)
        self._problem = error
        if self._tries[span.number] >= _MOST_TRIES:
            raise error
        if span.number not in self._painted():
            self._queue[span.number] = span

    def _painted(self) -> set[int]:
        """The numbers of the segments that somebody is painting."""
        return {attempt.span.number for attempt in self._running.values()}

    def _show(self) -> None:
        best = Counter[int]()
        for attempt in self._running.values():
            best[attempt.span.number] = max(best[attempt.span.number], attempt.frames)
        done = min(self._finished.frames + sum(best.values()), self._total)
        if done > self._shown:
            self._shown = done
            self._progress(done, self._total)


def _error(worker: str, span: str, failed: Failed) -> ReconetError:
    where = f"{span} on worker {worker}" if span else f"worker {worker}"
    return MediaError(f"{where}: {failed.message}", failed.hint)
