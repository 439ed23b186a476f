"""The docs are right: their commands run as they are written, their options exist, and their links lead somewhere.

Every ```sh block of README.md and docs/ runs, page by page, in one folder with the files that the pages name. A block
that cannot run here is opened with ```sh no-test (reason); its `reconet` commands are still parsed. Blocks
of Python run, too, unless they are opened in the same way.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import flow_trees
import numpy as np
import pytest
from conftest import FFMPEG, QUICK
from processes import PATIENCE

from reconet_cli.cli import COMMANDS, cli, run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "weights/README.md", "examples/web/README.md"))]
BLOCK = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CI = "<!-- test command -->\n"  # .ci/run runs the block behind this line
# Options of other programs.
FOREIGN = {"--array", "--build", "--fp16", "--nproc-per-node", "--onnx"}
FOREIGN |= {"--daemon", "--host", "--nthreads", "--read-only", "--replicas", "--scheduler-file", "--vfs-cache-mode"}
FOREIGN |= {"--tls-ca-file", "--tls-cert", "--tls-key"}


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """(language, what follows it, text) of a page's code, without what CI runs."""
    text = re.sub(re.escape(CI) + r"```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for found in BLOCK.finditer(text):
        yield found[1], found[2] or "", found[3]


def plain(line: str) -> list[str]:
    """The arguments of a line that is one `reconet` command and needs no shell, else an empty list."""
    words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
    return shlex.split(line, comments=True)[1:] if words[:1] == ["reconet"] and not set("|><&;") & set(words) else []


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Path:
    """A folder with everything that the pages name: a frame a second, so that long times take no time."""
    shelf = tmp_path_factory.mktemp("shelf")
    for folder in ("examples", "holiday", "frames", "photos"):
        (shelf / folder).mkdir()
    colors = np.random.default_rng(0).integers(0, 256, (8, 8, 12, 3), dtype=np.uint8)
    pictures = [cv2.resize(color, (96, 64), interpolation=cv2.INTER_CUBIC) for color in colors]
    names = ["photo.jpg", "starry.jpg", "examples/mosaic.jpg", "holiday/photo.jpg", "photos/1.jpg"]
    names += ["mask.png", "a.png", "b.png"]
    names += [f"frames/{number:06d}.png" for number in range(3)] + [f"in-{number:04d}.png" for number in range(3)]
    for number, name in enumerate(names):
        cv2.imwrite(str(shelf / name), pictures[number % len(pictures)])

    def clip(name: str, size: str, seconds: int, *options: str) -> None:
        inputs = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=1", "-f", "lavfi", "-i", "sine"]
        made = [QUICK, "-v", "error", *inputs, "-t", str(seconds), *options, str(shelf / name)]
        subprocess.run(made, check=True, timeout=PATIENCE)

    x264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    clip("holiday.mp4", "96x64", 24, *x264)
    shutil.copy(shelf / "holiday.mp4", shelf / "other.mp4")
    clip("in.mp4", "640x360", 3, *x264)
    clip("in.gif", "96x64", 3, "-an")
    clip("film.mkv", "96x64", 5, *x264)
    clip("examples/clip.mp4", "96x64", 5, *x264)
    for copy in ("other-tool.mp4", "one.mp4", "holiday/one.mp4"):
        shutil.copy(shelf / "examples/clip.mp4", shelf / copy)
    shutil.copy(ROOT / "examples/onnx_frame.py", shelf / "examples")
    flow_trees.sintel(shelf / "MPI-Sintel")
    return shelf


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> Path:
    """A folder of what the pages call: `reconet` and this Python, ffmpeg, and an ffplay that only swallows."""
    folder = tmp_path_factory.mktemp("programs")
    scripts = {"reconet": f'exec {sys.executable} -m reconet_cli "$@"', "ffplay": "exec cat > /dev/null"}
    scripts["python"] = f'exec {sys.executable} "$@"'  # whether its environment is active or not
    for name, line in {**scripts, "ffmpeg": f'exec {FFMPEG} "$@"'}.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def surroundings(shared_cache, programs, monkeypatch) -> None:
    """What the pages call is found, and no style is prepared twice."""
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RECONET_CACHE", str(shared_cache))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_run_as_they_are_written(page, shelf, surroundings, tmp_path, monkeypatch, capfd):
    folder = tmp_path / "page"
    shutil.copytree(shelf, folder)
    monkeypatch.chdir(folder)

    def shell(lines: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines], capture_output=True, text=True, timeout=PATIENCE, check=False
        )  # fmt: skip
        return done.stderr if done.returncode else ""

    for language, about, text in blocks(page):
        if about:
            assert re.fullmatch(r"no-test \(.+\)", about), f"{page.name}: say why: ```{language} no-test (reason)"
        if language == "python" and not about:
            exec(text, {})
        elif language == "sh" and about:
            for found in re.finditer(r"(?:\breconet|-m reconet_cli) ([^|&\n#]+)", re.sub(r"`.*?`", "", text)):
                name, *arguments = shlex.split(found[1])
                cli.get_command(None, name).make_context(name, arguments)
        elif language == "sh":
            lines = text.replace("\\\n", " ").splitlines()
            if all(plain(line) for line in lines):
                for line in lines:
                    assert run(plain(line)) == 0, (line, capfd.readouterr().err)
            else:
                assert not shell(text), text


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 160


def test_options_exist():
    commands = [cli.get_command(None, name) for name in COMMANDS]  # type: ignore[arg-type]
    commands += [part for group in commands for part in getattr(group, "commands", {}).values()]
    known = {name for command in [cli, *commands] for option in command.params for name in _names(option)}
    for page in PAGES:
        code = re.findall(r"`[^`\n]+`|^```sh.*?^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        named = {name for text in code for name in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*(?![A-Z])\b", text)}
        assert named <= known | FOREIGN, page.name


def _names(option) -> list[str]:
    return [*option.opts, *option.secondary_opts]


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in _anchors(target), f"{page.name}: {link}"


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_library_page_is_up_to_date(capsys):
    runpy.run_path(str(ROOT / "docs/make_api.py"), run_name="__main__")
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert page == capsys.readouterr().out, "docstrings have changed: python docs/make_api.py > docs/api.md"
