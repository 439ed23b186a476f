"""Shell completion as shells ask for it, and help in groups."""

import os
import subprocess
import sys

import pytest
from processes import PATIENCE

from reconet_cli.cli import run

# What bash does at a Tab, for lines of words that end with the one to complete.
BASH = r"""
set -eu
complete_line() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    $(complete -p reconet | grep -o '_[a-z_]*completion') reconet
    echo "${COMPREPLY[*]}"
}
source <(reconet completion bash)
complete_line reconet def
complete_line reconet stylize in.mp4 out.mp4 --style mo
complete_line reconet stylize --style mine
complete_line reconet stylize --keep
complete_line reconet export --variant paper-
complete_line reconet flow --method dis-f
"""
ANSWERS = ["deflicker", "mosaic", "mine-own", "--keep-color", "paper-medium paper-small", "dis-fast"]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """`reconet` on the PATH, and a style of the user's own."""
    program = tmp_path / "bin/reconet"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m reconet_cli "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RECONET_STYLES", str(tmp_path))
    (tmp_path / "mine-own").mkdir()
    (tmp_path / "mine-own/fast.safetensors").touch()
    return tmp_path


def test_bash_completes(shell):
    done = subprocess.run(["bash", "-c", BASH], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ANSWERS


@pytest.mark.parametrize(
    ("kind", "words", "current", "answer"),
    [
        ("bash_complete", "reconet stylize in", "2", "file,in"),
        ("bash_complete", "reconet stylize --style ./sty", "3", "file,./sty"),
        ("bash_complete", "reconet stylize --output-dir p", "3", "dir,p"),
        ("zsh_complete", "reconet stylize --style mo", "3", "plain,mosaic,_"),
        ("fish_complete", "reconet stylize --style mo", "mo", "plain,mosaic"),
    ],
)
def test_what_shells_are_told(shell, kind, words, current, answer):
    """A light process: torch and OpenVINO would take seconds at each Tab."""
    code = (
        "import sys; from reconet_cli.cli import run\n"
        "try: run([])\n"
        "except SystemExit: pass\n"
        "sys.exit(len({'torch', 'cv2', 'openvino', 'numpy'} & set(sys.modules)))"
    )
    asked = {"_RECONET_COMPLETE": kind, "COMP_WORDS": words, "COMP_CWORD": current}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("\n", ",").strip(",") == answer


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_scripts_of_other_shells(capfd, shell):
    assert run(["completion", shell]) == 0
    assert f"_RECONET_COMPLETE={shell}_complete" in capfd.readouterr().out


def test_help_begins_with_common_options(capfd):
    run(["stylize", "--help"])
    common, others = capfd.readouterr().out.split("Common options:\n")[1].split("Effects:\n")
    assert len([line for line in common.splitlines() if line.startswith("  -")]) == 10
    assert "--ffmpeg" in others.split("Other options:\n")[1]


def test_help_groups_commands(capfd):
    run(["--help"])
    said = capfd.readouterr().out
    assert all(f"\n{heading}:\n" in said for heading in ("Stylize", "Styles", "Measure", "Set up"))
