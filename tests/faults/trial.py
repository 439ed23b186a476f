"""One fault in a folder of its own, with all that runs there, watched from outside."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.material import Material
from tests.faults.runs import Run, living

_COLD = 0.04  # share of runs in which Python has to load everything
PATIENCE = 60.0  # seconds after which a run hangs, on an idle machine


@dataclass(frozen=True)
class Ended:
    """How a run ended: `status` None where it did not within the patience; negative for a signal."""

    status: int | None
    said: str


class Trial:
    """A work folder with its own temporary folder, the marked processes of its runs, and what was found wrong."""

    def __init__(self, material: Material, folder: Path, seed: int) -> None:
        self.material = material
        self.random = Random(seed)
        self.wrong: list[str] = []
        self.told: list[str] = []
        self.folder = folder
        self.work, self.temporary, self.log = folder / "work", folder / "temporary", folder / "log"
        self.work.mkdir(parents=True)
        self.temporary.mkdir()
        self.cold = self.random.random() < _COLD
        self.struck: float | None = None
        self._mark = f"RECONET_FAULT={folder}"
        self._environment = material.environment | {
            "RECONET_FAULT": str(folder),
            "TMPDIR": str(self.temporary),
            "RECONET_CACHE": str(material.cache),
        }

    def bring(self, *names: str) -> None:
        """Copy files of the material into the work folder."""
        self.material.bring(self.work, *names)

    def start(
        self,
        *words: str,
        more: bool = False,
        shim: str | None = None,
        limit: int | None = None,
        own_cache: bool = False,
        stdin: int | None = None,
        stdout: int | None = None,
    ) -> Run:
        """Start `reconet`: with a plan for the shim, a limit for the size of files, a cache of its own, or pipes."""
        self.told.append(" ".join(words) + (f" [{shim}]" if shim else "") + (" [cold]" if self.cold else ""))
        environment = self._environment | ({"RECONET_FAULT_AT": shim} if shim else {})
        if own_cache:
            environment["RECONET_CACHE"] = str(self.folder / "cache")
        request = {"arguments": words, "folder": str(self.work), "environment": environment, "limit": limit}
        with self.log.open("wb") as log, Path(os.devnull).open("r+b") as nothing:
            descriptors = [stdin or nothing.fileno(), stdout or nothing.fileno(), log.fileno()]
            return self.material.start(request, descriptors, more=more, cold=self.cold)

    def strike(self) -> None:
        """Remember when the fault was."""
        if self.struck is None:
            self.struck = time.time()

    def end(self, run: Run) -> Ended:
        """Wait for the end of the process and of all that it started; it has to be soon after a fault."""
        status, begin = None, time.monotonic()
        while status is None and time.monotonic() - begin < PATIENCE * slowness():
            status = run.wait(PATIENCE / 10)
        said = self.log.read_text(errors="replace")
        end = time.monotonic() + 10
        while status is not None and self.processes() and time.monotonic() < end:
            time.sleep(0.02)
        with suppress(OSError):
            self.struck = min((self.folder / "struck").stat().st_mtime, self.struck or 1e12)
        if self.struck is not None and status and (late := time.time() - self.struck) > 5 * slowness():
            self.wrong.append(f"it ends {late:.1f} s after the fault")
        return Ended(status, said)

    def processes(self) -> list[int]:
        """The living processes of this trial."""
        return living(self._mark, self.folder)

    def clear(self) -> None:
        """End what is left of it, and forget the fault."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        (self.folder / "struck").unlink(missing_ok=True)
        self.struck = None


def slowness() -> float:
    """How many times longer than on an idle machine something takes now."""
    wall, used = time.monotonic(), time.process_time()
    while time.process_time() - used < 0.05:
        pass
    return max(1.0, (time.monotonic() - wall) / 0.05, os.getloadavg()[0] / (os.cpu_count() or 1))
