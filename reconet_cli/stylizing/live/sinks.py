"""Where painted frames go besides the window: a file, a virtual camera, stills."""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2

from reconet_cli.errors import MediaError
from reconet_cli.system.files import Part, keep_apart
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.inputs.names import files_of
from reconet_cli.video.plan import plan_writing
from reconet_cli.video.request import Request
from reconet_cli.video.writing.output import Output
from reconet_cli.video.writing.target import check_target

log = logging.getLogger("reconet")

_WAITING = 8  # frames that an encoder may be behind


class Sink(AbstractContextManager["Sink"], Protocol):
    """Takes painted frames in their order; on the way out it completes what it has made."""

    def write(self, frame: Frame) -> None:
        """Take a frame. Never waits for long."""
        ...


def check_recording(request: Request) -> None:
    """Raise MediaError where `request` names no video that can be written, or its own input."""
    if request.to_pipe or request.pictures or not request.to_file:
        raise MediaError(f"{request.output} is no video file", "record into a file such as out.mp4")
    _ = request.container
    keep_apart([Path(request.output)], files_of(request.input), MediaError)
    check_target(Path(request.output), overwrite=request.overwrite)


class Recording(Sink):
    """A video file of the frames at their times; it gets its name at the end, also after an error of the source.

    Where the encoder cannot keep up, frames are left out: the window goes first.
    """

    def __init__(self, request: Request, size: tuple[int, int], rate: Fraction) -> None:
        self._name = request.output
        self._output = Output(
            find_ffmpeg(request.ffmpeg), request, plan_writing(request, None, size, Fraction(1), rate)
        )
        self._writer = self._output.writer()
        self._waiting: queue.Queue[Frame | None] = queue.Queue(_WAITING)
        self._count = self._dropped = 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._encode, name="record", daemon=True)
        self._thread.start()

    def write(self, frame: Frame) -> None:
        """See `Sink`. Raises MediaError where nothing can be written any more."""
        if self._error:
            raise self._error
        try:
            self._waiting.put_nowait(frame)
        except queue.Full:
            self._dropped += 1

    def __exit__(self, *error: object) -> None:
        self._waiting.put(None)
        self._thread.join()
        with self._output:
            if self._error is None and self._count:
                self._writer.finish()
                self._output.commit()
                left_out = f", {self._dropped} were left out" if self._dropped else ""
                log.info(f"{self._count} frames are recorded in {self._name}{left_out}")
            self._writer.release()
        if self._error and not error[0]:
            raise self._error

    def _encode(self) -> None:
        while (frame := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    self._writer.write(frame)
                    self._count += 1
                except BaseException as error:
                    self._error = error


class VirtualCamera(Sink):
    """A camera that other programs see. Raises MediaError where there is none."""

    def __init__(self, size: tuple[int, int], rate: Fraction) -> None:
        self._camera: Any = _virtual_camera(*size, float(rate))
        log.info(f"other programs see the camera {self._camera.device}")

    def write(self, frame: Frame) -> None:
        """See `Sink`."""
        self._camera.send(frame.pixels)

    def __exit__(self, *error: object) -> None:
        self._camera.close()


def check_virtual_camera() -> None:
    """Raise MediaError where the package for virtual cameras is missing."""
    try:
        import pyvirtualcam  # noqa: F401
    except ImportError as problem:
        raise MediaError(
            "a virtual camera needs the Python package pyvirtualcam", 'pip install "reconet[live]"'
        ) from problem


def _virtual_camera(width: int, height: int, rate: float) -> Any:
    check_virtual_camera()
    import pyvirtualcam

    try:
        return pyvirtualcam.Camera(width, height, rate)
    except Exception as problem:  # of each system's own kind
        raise MediaError(
            f"there is no virtual camera: {str(problem).splitlines()[0] if str(problem) else type(problem).__name__}",
            "Linux: `modprobe v4l2loopback`; Windows and macOS: install OBS, which brings one",
        ) from problem


def save_still(frame: Frame) -> Path:
    """Save a frame as a PNG in the current folder, under the time of day. Raises MediaError."""
    path = Path(time.strftime("reconet-%Y%m%d-%H%M%S.png"))
    _, content = cv2.imencode(".png", cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR))
    try:
        with Part(path, replace=False) as part:
            part.path.write_bytes(content.tobytes())
            try:
                part.commit()
            except FileExistsError:  # within the same second
                return part.keep_aside()
    except OSError as problem:
        raise MediaError(f"cannot write {path}: {problem.strerror or problem}") from problem
    return path
