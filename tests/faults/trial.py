"""One run of a command in a folder of its own, watched from outside."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.material import RECONET, Material


@dataclass(frozen=True)
class Ended:
    """How a run ended: `status` None where it did not within the patience; negative for a signal."""

    status: int | None
    said: str


class Trial:
    """A work folder with its own temporary folder, the marked processes of its runs, and what was found wrong."""

    def __init__(self, material: Material, folder: Path, seed: int, patience: float) -> None:
        self.material, self.patience = material, patience
        self.random = Random(seed)
        self.wrong: list[str] = []
        self.work, self.temporary, self.log = folder / "work", folder / "temporary", folder / "log"
        self.work.mkdir(parents=True)
        self.temporary.mkdir()
        self._mark = f"RECONET_FAULT={folder}"
        self._environment = material.environment | {
            "RECONET_FAULT": str(folder),
            "TMPDIR": str(self.temporary),
            "RECONET_CACHE": str(material.cache),
        }

    def bring(self, *names: str) -> None:
        """Copy files of the material into the work folder."""
        for name in names:
            shutil.copy(self.material.folder / name, self.work / name)

    def start(
        self, *arguments: str, more: dict[str, str] | None = None, first: Callable[[], None] | None = None, **pipes: Any
    ) -> subprocess.Popen[bytes]:
        """Start `reconet` in a group of its own; `first` runs in the child before it."""
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [*RECONET, *arguments], cwd=self.work, stderr=log, env=self._environment | (more or {}),
                start_new_session=True, preexec_fn=first, **({"stdin": subprocess.DEVNULL} | pipes),
            )  # fmt: skip

    def end(self, process: subprocess.Popen[bytes]) -> Ended:
        """Wait for the end of the process and of all that it started."""
        try:
            status = process.wait(self.patience)
        except subprocess.TimeoutExpired:
            status = None
        end = time.monotonic() + self.patience
        while self.processes() and status is not None and time.monotonic() < end:
            time.sleep(0.02)
        return Ended(status, self.log.read_text(errors="replace"))

    def processes(self) -> list[int]:
        """The living processes of this trial."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                ours = self._mark.encode() in (entry / "environ").read_bytes().split(b"\0")
                if ours and "\nState:\tZ" not in (entry / "status").read_text():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def clear(self) -> None:
        """End what is left of it."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
