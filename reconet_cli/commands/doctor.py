"""`reconet doctor`: what is there, what works, and what to do about the rest."""

from __future__ import annotations

import json as json_format
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconet_cli.diagnosis.finding import Finding


@click.command(
    "doctor",
    help="""Look at packages, ffmpeg, encoders, devices, memory and disk.

    The exit status is 1 if something is broken.
    """,
)
@click.option("--json", is_flag=True, help="Print JSON instead of a table.")
def command(json: bool) -> int:
    from reconet_cli.diagnosis.machine import examine_machine
    from reconet_cli.diagnosis.packages import examine_packages
    from reconet_cli.diagnosis.tools import examine_ffmpeg

    findings = [
        *_examine("machine", examine_machine),
        *_examine("packages", examine_packages),
        *_examine("ffmpeg", examine_ffmpeg),
    ]
    broken = any(finding.state == "broken" for finding in findings)
    if json:
        click.echo(json_format.dumps({"broken": broken, "findings": [asdict(f) for f in findings]}, indent=2))
        return int(broken)
    width = max(len(finding.about) for finding in findings)
    for finding in findings:
        mark = "" if finding.state == "info" else finding.state
        click.echo(f"{mark:<9}{finding.about:<{width}}  {finding.value}")
        if finding.advice:
            click.echo(f"{'':<{width + 9}}  -> {finding.advice}")
    return int(broken)


def _examine(about: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a part finds; that it fails is a finding, too."""
    from reconet_cli.diagnosis.finding import Finding

    try:
        return list(look())
    except Exception as problem:
        return [Finding(about, "broken", f"{type(problem).__name__}: {problem}", "install reconet again")]
