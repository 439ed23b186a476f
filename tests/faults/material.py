"""What runs are made of: a tiny network, tiny clips, and what undisturbed runs make of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import save_weights
from tests.faults.commands import TRAIN, Command, calls, content
from tests.faults.runs import ColdRun, Run, Server, WarmRun
from tests.test_model import distilled_arrays

FRAMES, WIDTH, HEIGHT = 36, 96, 64
_PATIENCE = 300  # seconds for an undisturbed run


@dataclass(frozen=True)
class Reference:
    """An undisturbed run: its result, the calls on files in it (where there is a shim), and how long it took."""

    result: list[str]
    calls: Counter[tuple[str, str]]
    seconds: float


class Material:
    """Files that all runs share and none changes, in `folder`."""

    def __init__(self, folder: Path, ffmpeg: str) -> None:
        self.folder, self.ffmpeg = folder, ffmpeg
        self.cache = folder / "cache"
        self.environment = os.environ | {"RECONET_FFMPEG": self.ffmpeg, "OMP_NUM_THREADS": "1"}
        self.shim = self._shim()
        if self.shim:
            self.environment["LD_PRELOAD"] = str(self.shim)
        self._servers: dict[bool, Server] = {}
        self._references: dict[Command, Reference] = {}
        torch.manual_seed(0)
        save_weights(folder / "style.safetensors", ReCoNet(NetworkConfig("fast", (4, 6, 8), 1)), {})
        pattern = ["-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25", "-frames:v", str(FRAMES)]
        tone = ["-f", "lavfi", "-i", f"sine=duration={FRAMES / 25}"]
        self.make(*tone, *pattern, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "clip.mp4")
        self.make("-i", "clip.mp4", "-c", "copy", "clip.mkv")
        self.make("-i", "clip.mp4", "-an", "clip.y4m")
        self.make("-i", "clip.mp4", "-frames:v", "3", "-an", "-c:v", "libx264", "few.mp4")
        self.make("-i", "clip.mp4", "-frames:v", "1", "picture.png")
        coarse = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "waves.png"), cv2.resize(coarse, (160, 128), interpolation=cv2.INTER_CUBIC))
        (folder / "photos").mkdir()
        cv2.imwrite(str(folder / "photos/a.png"), cv2.resize(coarse[::-1], (160, 128)))
        np.savez(folder / "loss.npz", **distilled_arrays())

    def _shim(self) -> Path | None:
        """The library that makes calls on files fail; None where it cannot be made."""
        compiler, path = shutil.which("gcc") or shutil.which("cc"), self.folder / "shim.so"
        command = [str(compiler), "-O1", "-shared", "-fPIC", "-o", path, Path(__file__).with_name("shim.c"), "-ldl"]
        made = compiler and subprocess.run(command, capture_output=True).returncode == 0
        return path if made else None

    def close(self) -> None:
        """End the servers."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def start(self, request: dict[str, Any], descriptors: list[int], *, more: bool, cold: bool) -> Run:
        """Start a run: `cold`, or as a fork of a server that has loaded `more`, or not."""
        if cold:
            return ColdRun(request, descriptors)
        if more not in self._servers:
            self._servers[more] = Server(self.environment, "tests.faults.server", "more" if more else "usual")
        return WarmRun(self._servers[more], request, descriptors)

    def make(self, *arguments: str) -> None:
        """Run ffmpeg in the folder."""
        subprocess.run([self.ffmpeg, "-v", "error", "-nostdin", "-y", *arguments], cwd=self.folder, check=True)

    def bring(self, folder: Path, *names: str) -> None:
        """Copy files into a folder."""
        for name in names:
            source = self.folder / name
            if source.is_dir():
                shutil.copytree(source, folder / name, dirs_exist_ok=True)
            else:
                shutil.copy(source, folder / name)

    def pictures(self, path: Path) -> list[str]:
        """A checksum for each frame of a file; nothing where it cannot be decoded completely."""
        command = [self.ffmpeg, "-v", "error", "-nostdin", "-xerror", "-i", f"file:{path}"]
        done = subprocess.run([*command, "-map", "0:v", "-f", "framemd5", "-"], capture_output=True, timeout=120)
        # Sound is copied as it is; ffmpeg looks into it, too.
        if done.returncode or any(not line.startswith(b"[aac ") for line in done.stderr.splitlines()):
            return []
        return [line.split(",")[-1] for line in done.stdout.decode().splitlines() if not line.startswith("#")]

    def result(self, path: Path) -> list[str]:
        """What tells a result from others; nothing where it is not complete."""
        if path.is_dir() and path.name == "painted":
            found = [self.pictures(name) for name in sorted(path.iterdir())]
            return [*found[0], *found[1]] if len(found) == 2 and all(found) else []
        if path.suffix in (".mp4", ".mkv", ".mov", ".png"):
            return self.pictures(path)
        return content(path)

    def reference(self, command: Command) -> Reference:
        """An undisturbed run of a command."""
        if command not in self._references:
            folder = self.folder / f"reference-{len(self._references)}"
            work, log = folder / "work", folder / "log"
            work.mkdir(parents=True)
            self.bring(work, *command.needs)
            log.touch()
            shim = {"RECONET_FAULT": str(folder), "RECONET_FAULT_LOG": str(log), "RECONET_CACHE": str(folder / "cache")}
            request = {
                "arguments": command.words, "folder": str(work), "environment": self.environment | shim, "limit": None,
            }  # fmt: skip
            begin = time.monotonic()
            with Path(os.devnull).open("r+b") as nothing, (folder / "said").open("wb") as said:
                descriptors = [nothing.fileno(), nothing.fileno(), said.fileno()]
                status = self.start(request, descriptors, more=command.more, cold=False).wait(_PATIENCE)
            result = self.result(work / command.target) if status == 0 else []
            assert result, (command, status, (folder / "said").read_text())
            self._references[command] = Reference(result, calls(log), time.monotonic() - begin)
        return self._references[command]

    def reference_cache(self, command: Command) -> Path:
        """The cache of models that an undisturbed run has filled."""
        self.reference(command)
        return self.folder / f"reference-{list(self._references).index(command)}" / "cache"

    def exported(self, kind: str) -> list[Path]:
        """The style as a network for other runtimes, `net` with the endings of a kind; made when it is asked for."""
        folder = self.folder / f"exported-{kind}"
        if not folder.exists():
            folder.mkdir()
            self._run(folder, "export", f"net.{kind}", "--style", str(self.folder / "style.safetensors"), "--no-verify")
        return sorted(folder.iterdir())

    def bring_checkpoint(self, folder: Path) -> None:
        """Copy a training with a checkpoint, two steps old, into a folder; made when it is asked for."""
        studio = self.folder / "studio"
        if not studio.exists():
            studio.mkdir()
            self.bring(studio, *TRAIN.needs)
            self._run(studio, *TRAIN.words[:-1], "2")
        shutil.copytree(studio, folder, dirs_exist_ok=True)

    def _run(self, folder: Path, *words: str) -> None:
        request = {"arguments": words, "folder": str(folder), "environment": self.environment, "limit": None}
        with Path(os.devnull).open("r+b") as nothing:
            run = self.start(request, [nothing.fileno()] * 3, more=True, cold=False)
            assert run.wait(_PATIENCE) == 0, words
