"""Through the list: one failure does not stop the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from reconet_cli.errors import ReconetError
from reconet_cli.stylizing.batch.names import Item
from reconet_cli.system.failures import as_error


@dataclass(frozen=True)
class Result:
    """What became of an item; `frames` and `seconds` where it was painted, `problem` where it failed."""

    item: Item
    state: Literal["painted", "skipped", "failed"]
    frames: int = 0
    seconds: float = 0.0
    problem: str = ""


# What becomes of an item in the end: frames and seconds. Yields what is waited for on the way.
Steps = Generator[list[Any], None, tuple[int, float]]


def work_through(
    items: Sequence[Item],
    paint: Callable[[Item], tuple[int, float]],
    results: list[Result],
    *,
    skip_existing: bool,
    begin: Callable[[int, Item], None],
    failed: Callable[[Item, ReconetError], None],
) -> None:
    """Paint every item and append what became of it to `results`, as it happens.

    `paint` returns frames and seconds; `begin(number, item)`, counted from 1, is called before it, `failed` with
    its error. An output that is there was finished, because unfinished ones never have their name: with
    `skip_existing` it stays.
    """

    def steps(item: Item) -> Steps:
        yield from ()
        return paint(item)

    work_together(
        items, steps, results, skip_existing=skip_existing, begin=begin, failed=failed, room=lambda running: False,
        wait=lambda waited_for: None,
    )  # fmt: skip


def work_together(
    items: Sequence[Item],
    paint: Callable[[Item], Steps],
    results: list[Result],
    *,
    skip_existing: bool,
    begin: Callable[[int, Item], None],
    failed: Callable[[Item, ReconetError], None],
    room: Callable[[int], bool],
    wait: Callable[[list[Any]], None],
) -> None:
    """As `work_through`, with several items at a time, in steps.

    Beside `running` others the next one begins where `room(running)` says so; `wait` waits for what the steps have
    yielded.
    """
    waiting = deque(enumerate(items, 1))
    running: dict[Item, Steps] = {}
    with ExitStack() as stack:
        while waiting or running:
            waited_for = []
            for item in list(running):
                waited_for += _step(item, running, results, failed)
            while waiting and (not running or room(len(running))):
                number, item = waiting.popleft()
                if skip_existing and item.target.exists():
                    results.append(Result(item, "skipped"))
                    continue
                begin(number, item)
                running[item] = paint(item)
                stack.callback(running[item].close)
                waited_for += _step(item, running, results, failed)
            if running:
                wait(waited_for)


def _step(
    item: Item, running: dict[Item, Steps], results: list[Result], failed: Callable[[Item, ReconetError], None]
) -> list[Any]:
    """What an item waits for now; one that has ended is not running any more."""
    try:
        item.target.parent.mkdir(parents=True, exist_ok=True)
        return next(running[item])
    except StopIteration as end:
        results.append(Result(item, "painted", *end.value))
    except Exception as problem:
        error = as_error(problem, item.source)
        results.append(Result(item, "failed", problem=error.message))
        failed(item, error)
    del running[item]
    return []
