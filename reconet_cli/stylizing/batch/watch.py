"""Watched folders: what is there and what arrives is painted, each file once, as soon as nobody writes to it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from reconet_cli.errors import MediaError, ReconetError
from reconet_cli.stylizing.batch.names import APART, Item, files_in
from reconet_cli.stylizing.batch.work import Result, work_through

log = logging.getLogger("reconet")

QUIET = 2.0  # seconds that a file has to stay as it is; nothing else says that it is complete
_STEP = 500  # milliseconds between two looks while a file has not stayed for so long
_SELDOM = 10.0  # seconds between two looks anyway: some network drives report nothing

# Size and time of the last change (nanoseconds): what tells a file from a later version of itself.
Version = tuple[int, int]


class Arrivals:
    """Which files are complete: each version that has stayed for `quiet` seconds, once."""

    def __init__(self, quiet: float = QUIET) -> None:
        self._quiet = quiet
        self._growing: dict[str, tuple[Version, float]] = {}
        self._given: dict[str, Version] = {}

    @property
    def waiting(self) -> bool:
        """True where a file has to be looked at again soon."""
        return bool(self._growing)

    def complete(self, files: Mapping[str, Version], now: float) -> dict[str, Version]:
        """Those of all `files` that are complete by `now` (seconds) and were not given before."""
        self._growing = {name: known for name, known in self._growing.items() if name in files}
        found = {}
        for name, version in files.items():
            if self._given.get(name) == version:
                self._growing.pop(name, None)
                continue
            before, since = self._growing.setdefault(name, (version, now))
            if before != version:
                self._growing[name] = (version, now)
            elif now - since >= self._quiet:
                found[name] = self._given[name] = version
                del self._growing[name]
        return found


def items_there(paths: Sequence[str], item_of: Callable[[str], Item]) -> list[Item]:
    """What is in the folders that are to be watched.

    Raises MediaError where they cannot be watched, or what is painted would arrive in them.
    """
    _watchfiles()
    for path in paths:
        if not Path(path).is_dir():
            raise MediaError(f"{path} is no folder", "--watch is for folders; make it first")
        inside = item_of(str(Path(path) / "name.mp4")).target
        if inside.resolve().parent in [Path(other).resolve() for other in paths]:
            raise MediaError(f"results in {path} would be painted again", "name another --output-dir")
    return [item_of(str(file)) for path in paths for file in files_in(Path(path))]


class Watch:
    """Paints what is in folders and what arrives there. An output that is there was painted and stays.

    `item_of` gives the item of an input, `paint` its frames and seconds; it is to call its second argument now and
    then, which raises MediaError once the input has changed. `begin` is called before an item is painted, `failed` with
    its error. A file that failed is tried again when it has changed.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        item_of: Callable[[str], Item],
        paint: Callable[[Item, Callable[[], None]], tuple[int, float]],
        *,
        begin: Callable[[Item], None],
        failed: Callable[[Item, ReconetError], None],
        quiet: float = QUIET,
    ) -> None:
        self._folders = folders
        self._item_of = item_of
        self._paint = paint
        self._begin = begin
        self._failed = failed
        self._arrivals = Arrivals(quiet)
        self._sources: dict[Path, str] = {}  # by what is made of them
        self._states: dict[str, str] = {}

    @property
    def counts(self) -> dict[str, int]:
        """How many files were painted, were skipped because they had been, and failed and were not mended since."""
        states = list(self._states.values())
        return {state: states.count(state) for state in ("painted", "skipped", "failed")}

    def run(self) -> None:
        """Go on until KeyboardInterrupt. Raises MediaError where a folder cannot be read any more."""
        looked = -_SELDOM
        reports = _watchfiles().watch(
            *self._folders, watch_filter=None, recursive=False, debounce=_STEP, rust_timeout=_STEP,
            yield_on_timeout=True, raise_interrupt=True,
        )  # fmt: skip
        for changes in reports:
            if changes or self._arrivals.waiting or time.monotonic() - looked >= _SELDOM:
                looked = time.monotonic()
                self.look()

    def look(self) -> None:
        """Paint what is complete by now."""
        there = [path for folder in self._folders for path in files_in(folder)]
        files = {str(path): version for path in there if (version := _version(path))}
        for source, version in self._arrivals.complete(files, time.monotonic()).items():
            # Painting those before it may have taken long.
            if _version(Path(source)) == version:
                self._take(self._item_of(source), version)

    def _take(self, item: Item, version: Version) -> None:
        other = self._sources.setdefault(item.target, item.source)
        if other != item.source:
            self._states[item.source] = "failed"
            self._failed(item, MediaError(f"{other} and {item.source} would both become {item.target}", APART))
            return
        if self._states.get(item.source, "failed") != "failed" and item.target.exists():
            log.info(f"{item.source} has changed since it was painted: {item.target} stays as it is")
            return

        def check() -> None:
            if _version(Path(item.source)) not in (version, None):
                raise MediaError(f"{item.source} is still being written", "it is painted once it stays as it is")

        results: list[Result] = []
        work_through(
            [item], lambda item: self._paint(item, check), results, skip_existing=True,
            begin=lambda number, item: self._begin(item), failed=self._failed,
        )  # fmt: skip
        self._states[item.source] = results[0].state


def _watchfiles() -> ModuleType:
    try:
        import watchfiles
    except ImportError as problem:
        raise MediaError("--watch needs the Python package watchfiles", 'pip install "reconet[watch]"') from problem
    return watchfiles


def _version(path: Path) -> Version | None:
    """What a file is now; None for one that is gone, or empty and yet to be written."""
    with suppress(OSError):
        status = path.stat()
        return (status.st_size, status.st_mtime_ns) if status.st_size else None
    return None
