"""The root command: subcommands load only when called, errors become one line and an exit code."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from reconet_cli import __version__
from reconet_cli.system.deleted_folder import settle_in_a_gone_folder
from reconet_cli.system.processors import hold_to_quota
from reconet_cli.video.ffmpeg import standard_streams as streams

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name -> (module, one-line help), group by group; the help stands here so that `reconet --help` imports no subcommand.
GROUPS = {
    "Stylize": {
        "stylize": ("reconet_cli.commands.stylize", "Paint a video or a picture in a style."),
        "live": ("reconet_cli.commands.live", "Paint a camera live in a window."),
        "preview": ("reconet_cli.commands.preview", "Show a clip in every style, as one picture."),
        "deflicker": ("reconet_cli.commands.deflicker", "Take the flicker out of any clip."),
    },
    "Styles": {
        "styles": ("reconet_cli.commands.styles", "List the styles that are there, and keep your own."),
        "train": ("reconet_cli.commands.train", "Train a style from a picture."),
        "export": ("reconet_cli.commands.export", "Write a style for other runtimes: ONNX, OpenVINO, PyTorch."),
    },
    "Measure": {
        "evaluate": ("reconet_cli.commands.evaluate", "Measure flicker, of any painted clip or of a style."),
        "flow": ("reconet_cli.commands.flow", "Estimate optical flow, or measure it against ground truth."),
        "bench": ("reconet_cli.commands.bench", "Measure how fast styles are here, and what they wait for."),
    },
    "Set up": {
        "doctor": ("reconet_cli.commands.doctor", "Say what is installed, what works, and what to do about the rest."),
        "cache": ("reconet_cli.commands.cache", "Show what is kept to be computed only once, or remove it."),
        "completion": ("reconet_cli.commands.completion", "Print a script that lets a shell complete commands."),
    },
}
COMMANDS = {name: entry for commands in GROUPS.values() for name, entry in commands.items()}

# What commands were called before.
RENAMED = {"stabilize": "deflicker"}

INTERRUPTED = 130


class _LogLines(logging.Handler):
    """The library's log: what the user should know, and with `-v` more. The console loads with the first line."""

    def emit(self, record: logging.LogRecord) -> None:
        from reconet_cli import console

        console.note(record.getMessage(), faint=record.levelno < logging.INFO)


_LOG_LINES = _LogLines()


class LazyGroup(click.Group):
    """A click group that imports a subcommand's module only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in RENAMED:
            from reconet_cli import console

            console.note(f"`reconet {cmd_name}` is called `reconet {RENAMED[cmd_name]}` now")
            cmd_name = RENAMED[cmd_name]
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = importlib.import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in COMMANDS)
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The subcommands, or the options of `reconet` itself; imports no subcommand."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=entry[1]) for name, entry in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=LazyGroup,
    help="Turn video into painted video without flicker.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="reconet")
@click.option("--debug", is_flag=True, help="Show the trace of an error.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes; errors still show.")
@click.option("-v", "--verbose", is_flag=True, help="Say more, such as the ffmpeg commands that run.")
@click.pass_context
def cli(ctx: click.Context, debug: bool, quiet: bool, verbose: bool) -> None:
    ctx.obj = {"debug": debug}
    log = logging.getLogger("reconet")
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    log.addHandler(_LOG_LINES)  # once, however often it is added
    if quiet:
        from reconet_cli import console

        console.set_quiet(True)
        ctx.call_on_close(lambda: console.set_quiet(False))  # another command may run in this process


def _fail(message: str, hint: str, code: int) -> int:
    from reconet_cli import console

    console.error(message, hint)
    return code


def _caused_by_interrupt(problem: BaseException | None) -> bool:
    """Whether an interrupt is behind an error: one that comes while a compiled module loads becomes an ImportError."""
    while problem is not None and not isinstance(problem, KeyboardInterrupt):
        problem = problem.__cause__ or problem.__context__
    return problem is not None


def run(arguments: list[str], first: Callable[[], None] | None = None) -> int:
    """Run one command line, `first` before it: its exit status, 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    debug = "--debug" in arguments
    try:
        if first:
            first()
        result: Any = cli.main(args=arguments, prog_name="reconet", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        if isinstance(stop.__cause__, EOFError):  # which click takes for an interrupt
            return _fail("something that was read has ended unexpectedly", "--debug shows where it happened", 1)
        return _fail("interrupted", "", INTERRUPTED)
    except Exception as problem:
        if isinstance(problem, OSError) and streams.reader_is_gone(problem):
            # The reader of our stdout went away; Python must not complain again while it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return _fail("the output pipe was closed", "", 1)
        if debug:
            raise
        if _caused_by_interrupt(problem):
            return _fail("interrupted", "", INTERRUPTED)
        from reconet_cli.system.failures import as_error

        error = as_error(problem)
        return _fail(error.message, error.hint, 1)


def _settle() -> None:
    streams.settle()
    settle_in_a_gone_folder()
    hold_to_quota()


def main() -> None:
    """Console entry point."""
    status = run(sys.argv[1:], _settle)
    # Everything is done: an interrupt now would only make Python show a trace on its way out.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)
