"""What runs are made of: a tiny network, tiny clips, and what undisturbed runs make of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from reconet_cli.media.locate import find_ffmpeg
from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import save_weights
from tests.test_model import distilled_arrays

FRAMES, SIZE = 60, "96x64"
# `reconet` with short segments, so that a short run has several.
RECONET = [
    sys.executable,
    "-c",
    "import reconet_cli.stylizing.resume.run as resume; resume.SEGMENT = 12; from reconet_cli.cli import main; main()",
]
STYLIZE = ("stylize", "--engine", "openvino", "--threads", "2", "--preset", "ultrafast")


class Material:
    """Files that all runs share and none changes, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ffmpeg = find_ffmpeg()
        self.cache = folder / "cache"
        self.environment = os.environ | {"RECONET_FFMPEG": self.ffmpeg, "OMP_NUM_THREADS": "1"}
        torch.manual_seed(0)
        save_weights(folder / "style.safetensors", ReCoNet(NetworkConfig("fast", (4, 6, 8), 1)), {})
        pattern = ["-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=25", "-frames:v", str(FRAMES)]
        tone = ["-f", "lavfi", "-i", f"sine=duration={FRAMES / 25}"]
        self.make(*tone, *pattern, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "clip.mp4")
        self.make("-i", "clip.mp4", "-c", "copy", "clip.mkv")
        self.make("-i", "clip.mp4", "-an", "clip.y4m")
        self.make("-i", "clip.mp4", "-frames:v", "3", "-an", "-c:v", "libx264", "few.mp4")
        self.make("-i", "clip.mp4", "-frames:v", "1", "picture.png")
        self._references: dict[tuple[str, ...], list[str]] = {}

    def make(self, *arguments: str) -> None:
        """Run ffmpeg in the folder."""
        subprocess.run([self.ffmpeg, "-v", "error", "-nostdin", "-y", *arguments], cwd=self.folder, check=True)

    def pictures(self, path: Path) -> list[str] | None:
        """A checksum for each frame of a file; None where it cannot be decoded completely."""
        command = [self.ffmpeg, "-v", "error", "-nostdin", "-xerror", "-i", f"file:{path}"]
        done = subprocess.run([*command, "-map", "0:v", "-f", "framemd5", "-"], capture_output=True, timeout=120)
        if done.returncode or done.stderr:
            return None
        return [line.split(",")[-1] for line in done.stdout.decode().splitlines() if not line.startswith("#")]

    def reference(self, arguments: tuple[str, ...], target: str) -> list[str]:
        """The frames that a command without faults makes."""
        if arguments not in self._references:
            folder = self.folder / f"reference-{len(self._references)}"
            folder.mkdir()
            for name in ("clip.mp4", "clip.mkv", "picture.png", "style.safetensors"):
                (folder / name).symlink_to(self.folder / name)
            environment = self.environment | {"RECONET_CACHE": str(self.cache)}
            subprocess.run(
                [*RECONET, *arguments], cwd=folder, env=environment, check=True, capture_output=True, timeout=300
            )
            found = self.pictures(folder / target)
            assert found
            self._references[arguments] = found
        return self._references[arguments]

    def checkpoint(self) -> Path:
        """A training folder, two steps old; made when it is asked for."""
        folder = self.folder / "studio"
        if not folder.exists():
            folder.mkdir()
            coarse = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / "waves.png"), cv2.resize(coarse, (160, 128), interpolation=cv2.INTER_CUBIC))
            (folder / "photos").mkdir()
            cv2.imwrite(str(folder / "photos/a.png"), cv2.resize(coarse[::-1], (160, 128)))
            np.savez(folder / "loss.npz", **distilled_arrays())
            command = [*RECONET, *TRAIN, "--steps", "2"]
            subprocess.run(command, cwd=folder, env=self.environment, check=True, capture_output=True, timeout=300)
        return folder


TRAIN = (
    "train", "--style", "waves.png", "--loss-network", "loss.npz", "--init", "none", "--size", "64",
    "--style-scale", "0.1", "--precision", "fp32", "--device", "cpu", "--workers", "0", "--data", "photos",
    "--scenes", "0", "-o", "trained",
)  # fmt: skip
