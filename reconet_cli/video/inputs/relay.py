"""Streams that can be read only once: opened once for all who read them, and handed on as a pipe."""

from __future__ import annotations

from contextlib import ExitStack
from subprocess import PIPE

import ffmpeg

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.process import GLOBAL_ARGUMENTS, LOG_PROBLEMS, Process
from reconet_cli.video.inputs.standard_input import StandardInput
from reconet_cli.video.probing.source import Source

# Their bytes are those of a container; other protocols carry bare packets.
_BYTES = frozenset({"rtmp", "rtmps", "udp", "srt", "tcp"})


def relayed(program: str, source: Source, stack: ExitStack) -> StandardInput:
    """Connect to a stream, and read its pictures and sound as a pipe. Raises MediaError where nothing comes.

    `stack` ends the connection.
    """
    process = Process(_command(program, source), stdout=PIPE)
    stack.callback(process.stdout.close)
    stack.callback(process.abort)
    try:
        return StandardInput(process.stdout.fileno(), source.name)
    except MediaError:
        process.wait()
        raise MediaError(f"{source.name} cannot be opened: {process.problem()}") from None


def _command(program: str, source: Source) -> list[str]:
    if source.url.partition("://")[0].lower() in _BYTES:
        stream = ffmpeg.input(source.url, **source.options, f="data")
        output = ffmpeg.output(stream["d"], "pipe:1", f="data", c="copy")
    else:
        stream = ffmpeg.input(source.url, **source.options)
        # A cluster a frame: otherwise Matroska collects frames for a second.
        live = {"cluster_time_limit": 0, "flush_packets": 1}
        output = ffmpeg.output(stream["v?"], stream["a?"], "pipe:1", f="matroska", c="copy", **live)
    return [program, *GLOBAL_ARGUMENTS, *LOG_PROBLEMS, *ffmpeg.get_args(output)]
