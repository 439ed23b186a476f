"""Styles by name, file or picture: a picture is learned within seconds the first time, and kept as a style."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from reconet_cli.engines.kinds import EngineOptions
from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.errors import StyleError
from reconet_cli.styles.cards import entries_of, picture_name, read_card
from reconet_cli.styles.finding import BASE, Style, find_style, learned_style, list_styles, names_picture
from reconet_cli.styles.keeping import keep_learned, renew_style
from reconet_cli.styles.pictures import StylePicture, style_picture
from reconet_cli.system.silence import silent
from reconet_cli.training.lesson import SETTINGS, VARIANT, Lesson, usual_seconds
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.reading.glimpses import glimpses

log = logging.getLogger("reconet")

AnyStyle = str | Path | LoadedStyle
# Frames of what is about to be painted, and the shorter side in pixels that training cuts its own from.
_FRAMES, _SHORT_SIDE = 8, 360
_PATIENCE = 4.0  # seconds for all of them
# What a style and its picture take at most, and where a style goes that cannot be kept.
_ROOM = 80 << 20
_MEMORY = Path("/dev/shm")
_UNKEPT: list[tempfile.TemporaryDirectory[str]] = []  # until this process ends
# A run that was interrupted just before its end goes on for a little.
_LEAST_SECONDS = 5.0
_INTERRUPTED = ("what was learned so far", "the same command goes on with it")


def _ready() -> None:
    """Know of nothing that is wrong."""


@dataclass(frozen=True)
class Learning:
    """How to learn pictures: for so many `seconds`, where given; otherwise as is usual, if it is the first time.

    Its frames come from `clips` (see `glimpses`), from `start` on for `duration` seconds. `ready` is called before
    anything is learned, to raise what would make it useless; `on_progress` with a picture's name, the share in [0, 1]
    that is done, and the seconds left.
    """

    seconds: float | None = None
    clips: tuple[str, ...] = ()
    start: Fraction | None = None
    duration: Fraction | None = None
    ffmpeg: str | None = None
    ready: Callable[[], None] = _ready
    on_progress: Callable[[str, float, float], None] = silent


def load_style(
    style: str | Path,
    *,
    variant: str = "auto",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    learn: float | None = None,
    clip: str | PathLike[str] | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> LoadedStyle:
    """Load a style by its name, from a file (weights, ONNX or OpenVINO), or from any picture or its web address.

    `variant` is one of the style's networks (`fast`, `paper`); `auto` takes the fastest. `engine` is `openvino`,
    `torch` or `onnxruntime`, `device` is `cpu`, `cuda`, `cuda:1` or `mps`, `precision` is `int8`, `fp32`, `bf16` or
    `fp16`; `auto` chooses what is fastest on this machine. The network itself is loaded with the first frame.

    A new picture takes about half a minute to learn on a CPU. The style is kept in the user's folder under the
    picture's contents, so the next call finds it at once. `learn` adds that many seconds of training to what is there.
    If you pass the `clip` that you are about to paint, training uses its frames. `progress(done, left)` is called after
    each step with the share done, in [0, 1], and the seconds left. Interrupting keeps what was learned so far.

    Raises `StyleError` if the style is unknown or nothing can be learned from the picture.

    >>> import numpy as np
    >>> import reconet_cli as reconet
    >>> style = reconet.load_style("mosaic")
    >>> style(np.zeros((64, 64, 3), np.uint8)).shape
    (64, 64, 3)
    """
    learning = Learning(
        learn,
        (fspath(clip),) if clip is not None else (),
        on_progress=(lambda picture, done, left: progress(done, left)) if progress else silent,
    )
    return load_styles([style], EngineOptions(variant, engine, device, precision), learning)[0]


def load_styles(
    styles: Sequence[AnyStyle], options: EngineOptions | None = None, learning: Learning | None = None
) -> list[LoadedStyle]:
    """Load styles as `load_style` does, those apart that are loaded already.

    Whatever is wrong with one of them, or with what `learning` knows to be needed, shows before any is learned.
    """
    options, learning = options or EngineOptions(), learning or Learning()
    with ExitStack() as stack:
        found = [_find(style, options, learning, stack) for style in styles]
        pictures: dict[str, StylePicture] = {}
        for each in found:
            if isinstance(each, StylePicture):
                pictures.setdefault(each.digest, each)
        if learning.seconds is not None and not pictures:
            raise StyleError("there is nothing to learn without a picture", "give one as the style")
        tasks = {digest: _Task(picture, options, learning) for digest, picture in pictures.items()}
        if any(task.needed for task in tasks.values()):
            learning.ready()
        folders = {digest: task.folder() for digest, task in tasks.items()}
        return [each if isinstance(each, LoadedStyle) else LoadedStyle(folders[each.digest], options) for each in found]


def _find(style: AnyStyle, options: EngineOptions, learning: Learning, stack: ExitStack) -> LoadedStyle | StylePicture:
    if isinstance(style, LoadedStyle):
        return style
    name = str(style)
    if learning.seconds is not None:
        name = _picture_of(name) or name
    return stack.enter_context(style_picture(name)) if names_picture(name) else LoadedStyle(style, options)


def _picture_of(name: str) -> str:
    """The picture in the folder of one of the user's own styles."""
    for style in list_styles():
        picture = style.folder / picture_name(read_card(style.folder))
        if style.name == name and not style.shipped and picture.is_file():
            return str(picture)
    return ""


class _Task:
    """A picture, the style that was learned from it earlier, if it was, and how long it is to be learned now."""

    def __init__(self, picture: StylePicture, options: EngineOptions, learning: Learning) -> None:
        self._picture = picture
        self._options = options
        self._learning = learning
        self._kept = learned_style(picture.digest, SETTINGS)
        self._seconds = self._wanted_seconds()
        if not self.needed:
            return
        if options.variant not in ("auto", VARIANT):
            hint = f"`reconet train --style PICTURE --variant {options.variant}` takes longer, and learns that one"
            raise StyleError(f"within seconds, only the {VARIANT} network can be learned", hint)
        _ = picture.pixels  # what is wrong with it shows now

    @property
    def needed(self) -> bool:
        """Whether anything has to be learned."""
        return self._seconds > 0

    def folder(self) -> Path:
        """The folder of the style, once it is learned."""
        if self._kept and not self.needed:
            log.info(f"{self._picture.given} is the style {self._kept.name!r} already")
            return self._kept.folder
        scratch = _scratch()
        folder = Path(scratch.name) / self._picture.title
        folder.mkdir()
        complete = self._learn(folder)
        place = self._keep(folder, complete)
        if place == folder:
            _UNKEPT.append(scratch)
        if not complete:
            raise KeyboardInterrupt
        return place

    def _wanted_seconds(self) -> float:
        if self._learning.seconds is not None:
            return self._learning.seconds
        if self._kept is None:
            return usual_seconds(self._options.device)
        left = entries_of(read_card(self._kept.folder)).get(VARIANT, {}).get("unfinished")
        if not isinstance(left, (int, float)):
            return 0.0
        return min(max(_LEAST_SECONDS, left), usual_seconds("cpu"))  # cards may come from anywhere

    def _learn(self, folder: Path) -> bool:
        """Whether it was learned to the end."""
        began = time.monotonic()
        picture, seconds = self._picture, self._seconds
        self._learning.on_progress(picture.name, 0.0, seconds)
        with ThreadPoolExecutor(1) as pool:
            frames = pool.submit(self._frames)
            from reconet_cli.engines.torch.devices import choose_device
            from reconet_cli.training.quick import learn

            device = choose_device(self._options.device)
            if self._learning.seconds is None and self._kept is None:
                seconds = usual_seconds(device.type)
            start = self._kept.variants[VARIANT] if self._kept else find_style(BASE, VARIANT)
            lesson = Lesson(picture, seconds, began, frames.result(), start, goes_on=self._kept is not None)
        return learn(lesson, device, folder, lambda done, left: self._learning.on_progress(picture.name, done, left))

    def _frames(self) -> list[np.ndarray]:
        known = self._learning
        program = find_ffmpeg(known.ffmpeg)
        clips = known.clips[:: max(1, -(-len(known.clips) // _FRAMES))]
        found: list[np.ndarray] = []
        for clip in clips:
            found += glimpses(
                program, clip, _FRAMES // len(clips), _SHORT_SIDE, start=known.start, duration=known.duration,
                patience=_PATIENCE / len(clips),
            )  # fmt: skip
        return found

    def _keep(self, folder: Path, complete: bool) -> Path:
        """Keep what was learned, if that can be done; the folder where it is now."""
        picture = self._picture
        try:
            if self._kept:
                renew_style(folder, self._kept)
                place = self._kept.folder
            else:
                place = _place_of(learned_style(picture.digest, SETTINGS)) or keep_learned(folder, picture.title)
        except StyleError as problem:
            log.info(f"the style is not kept: {problem.message}")
            return folder
        other = "" if self._kept or place.name == picture.title else f", for {picture.title!r} is another style"
        what, later = (picture.name, "--learn 5m makes it better") if complete else _INTERRUPTED
        log.info(f"{what} is kept as the style {place.name!r}{other}; {later}")
        return place


def _place_of(style: Style | None) -> Path | None:
    """The folder of a style that another process has learned from the same picture meanwhile."""
    return style.folder if style else None


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder, in memory where disks are full; it is removed at the latest when this process ends."""
    place = Path(tempfile.gettempdir())
    if shutil.disk_usage(place).free < _ROOM and _MEMORY.is_dir():
        place = _MEMORY
    return tempfile.TemporaryDirectory(prefix="reconet-", dir=place)
