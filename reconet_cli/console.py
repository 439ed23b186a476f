"""Everything a person reads while a command runs: rich, on stderr only, because stdout may carry video."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

stderr = Console(stderr=True, highlight=False, soft_wrap=True)
_quiet = False


def set_quiet(quiet: bool) -> None:
    """Silence notes and progress; errors still show."""
    global _quiet
    _quiet = quiet


def note(message: str, *, faint: bool = False) -> None:
    """Print one line for the user, unless `--quiet`."""
    if not _quiet:
        stderr.print(message, markup=False, style="dim" if faint else None)


def error(message: str, hint: str = "") -> None:
    """Print an error in one line and its hint in another."""
    stderr.print(Text("error: ", style="bold red") + Text(message))
    if hint:
        stderr.print(Text("  hint: ", style="bold") + Text(hint))


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} {self.unit}/s" if speed else f"- {self.unit}/s")


@contextmanager
def progress(description: str, total: int | None, unit: str) -> Iterator[Progress]:
    """A progress bar with speed and ETA and one task (id 0); invisible with `--quiet` or without a terminal.

    `total` is in `unit`s, None when unknown.
    """
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}" if total else "{task.completed:.0f}"),
        _Rate(unit),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=stderr,
        transient=False,
        disable=_quiet or not stderr.is_terminal,
    )
    with bar:
        bar.add_task(description, total=total)
        yield bar


class _TimeLeft(ProgressColumn):
    """The seconds up to a task's `end`, by the monotonic clock."""

    def render(self, task: Task) -> Text:
        return Text(f"{max(0.0, task.fields['end'] - time.monotonic()):.0f} s left")


class Countdown:
    """Bars one after the other, called with what is being done, the share that is done, and the seconds left."""

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description} ·"),
            _TimeLeft(),
            BarColumn(),
            console=stderr,
            disable=_quiet or not stderr.is_terminal,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Countdown:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, what: str, done: float, left: float) -> None:
        """Show a bar for each new `what`, from the first call on."""
        end = time.monotonic() + left
        if what not in self._tasks:
            self._bar.start()
            self._tasks[what] = self._bar.add_task(what, total=1.0, end=end)
        self._bar.update(self._tasks[what], completed=done, end=end)


@contextmanager
def counter(description: str, unit: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar as a function of (done, total); it shows with the first call, which knows whether there is one."""
    bars: list[Progress] = []
    with ExitStack() as stack:

        def show(done: int, total: int | None) -> None:
            if not bars:
                bars.append(stack.enter_context(progress(description, total, unit)))
            bars[0].update(bars[0].task_ids[0], completed=done, total=total)

        yield show


class Phases:
    """Progress bars one after the other, called with what is being done, how far it is, and of how many."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._what = ""
        self._done = 0.0
        self._bar: Progress | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Phases:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self, what: str, done: float, total: int | None, detail: str = "") -> None:
        """Show a bar; a new one where something else is being done. `detail` is shown in place of `what`."""
        if self._bar is None or what != self._what or done < self._done:
            self.close()
            self._bar = self._stack.enter_context(progress(what, total, self._unit))
        self._what, self._done = what, done
        self._bar.update(self._bar.task_ids[0], completed=done, description=detail or what)

    def close(self) -> None:
        """End the bar that is shown."""
        self._stack.close()
        self._bar = None
