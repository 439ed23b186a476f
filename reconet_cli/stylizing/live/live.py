"""From a camera to a window: everything that `reconet live` opens, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from reconet_cli.engines.kinds import EngineOptions
from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.errors import MediaError
from reconet_cli.styles.finding import list_styles
from reconet_cli.stylizing.live.controls import Controls
from reconet_cli.stylizing.live.newest import Newest
from reconet_cli.stylizing.live.painting import Painting
from reconet_cli.stylizing.live.show import Show
from reconet_cli.stylizing.live.sinks import Recording, Sink, VirtualCamera, check_recording, check_virtual_camera
from reconet_cli.stylizing.live.window import Display, Window
from reconet_cli.training.learning import Learning, load_styles
from reconet_cli.video.inputs.cameras import camera_named, with_hint
from reconet_cli.video.inputs.names import is_device
from reconet_cli.video.open_video import Number, Video, open_video
from reconet_cli.video.request import Request

_JOIN_SECONDS = 3.0  # that the reading thread gets to end


@dataclass(frozen=True)
class LiveOptions:
    """How to paint live: `strength` and `keep_color` at first, and where frames go besides the window.

    `size` (width, height) and `fps` are what a camera is asked for; other inputs are brought to them. `record` names a
    video file, which is replaced only with `overwrite`.
    """

    strength: float = 1.0
    keep_color: bool = False
    size: tuple[int, int] | None = None
    fps: Number | None = None
    record: str | None = None
    virtual_camera: bool = False
    overwrite: bool = False
    ffmpeg: str | None = None


def live(
    source: str,
    styles: Sequence[str],
    options: LiveOptions,
    engine: EngineOptions,
    learning: Callable[[str, float, float], None] = lambda picture, done, left: None,
) -> int:
    """Paint a camera (by its number or name), a file or a stream in a window, until somebody quits or it ends.

    `styles` are all that there are where none is named; `learning` is called as `Learning.on_progress`. Returns the
    number of frames that were shown. Raises ReconetError.
    """
    name = camera_named(source)
    display = Display()
    try:
        if options.record:
            check_recording(_recording(name, options.record, options))
        if options.virtual_camera:
            check_virtual_camera()
        clips = () if is_device(name) else (name,)
        names = list(styles) or [style.name for style in list_styles()]
        lesson = Learning(None, clips, ffmpeg=options.ffmpeg, ready=display.check, on_progress=learning)
        loaded = load_styles(names, engine, lesson)
        return _live(name, loaded, options, display)
    except MediaError as problem:
        raise with_hint(problem) if is_device(name) and name in problem.message else problem from None
    finally:
        display.close()


def _recording(name: str, output: str, options: LiveOptions) -> Request:
    return Request(name, output, overwrite=options.overwrite, ffmpeg=options.ffmpeg)


def _live(name: str, styles: Sequence[LoadedStyle], options: LiveOptions, display: Display) -> int:
    with ExitStack() as stack:
        video = stack.enter_context(
            open_video(name, size=options.size, fps=options.fps, live=True, ffmpeg=options.ffmpeg)
        )
        if video.info.is_picture:
            raise MediaError(f"{name} is a picture", "`reconet stylize` paints pictures")
        painting = Painting(styles, video.size, keep_color=options.keep_color)
        stack.callback(painting.close)
        painting.wait(0)
        display.check()
        screen = stack.enter_context(Window(video.size))
        sinks = _sinks(video, options, stack)
        newest = Newest(video)
        stack.callback(newest.join, _JOIN_SECONDS)
        stack.callback(video.abort)
        controls = Controls(len(styles), strength=options.strength)
        shown = Show(painting, screen, sinks, controls, [style.name for style in styles]).run(newest)
        if newest.ended and is_device(name):
            raise MediaError(f"{name} gives no more frames", "was it unplugged?")
        return shown


def _sinks(video: Video, options: LiveOptions, stack: ExitStack) -> list[Sink]:
    sinks: list[Sink] = []
    if options.record:
        sinks.append(
            stack.enter_context(Recording(_recording(video.name, options.record, options), video.size, video.rate))
        )
    if options.virtual_camera:
        sinks.append(stack.enter_context(VirtualCamera(video.size, video.rate)))
    return sinks
