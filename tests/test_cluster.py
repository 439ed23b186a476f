"""One film on several workers: the same film as on one, whatever happens to them."""

import importlib.util
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from processes import until, works_with

from reconet_cli import cli
from reconet_cli.stylizing.cluster.dispatch import next_segment
from reconet_cli.stylizing.cluster.spans import cut, segment_length

FRAMES = 160
needs_dask = pytest.mark.skipif(not importlib.util.find_spec("distributed"), reason="the extra `cluster` is missing")


@pytest.fixture(autouse=True)
def quick_start(shared_cache, monkeypatch):
    """No worker prepares the style."""
    monkeypatch.setenv("RECONET_CACHE", str(shared_cache))


@pytest.fixture(scope="module")
def film(tools) -> Path:
    return tools.clip("film.mp4", size="64x48", rate="25", seconds=FRAMES / 25, sound=("aac",))


def arguments(film: Path, output: Path, *options: str) -> list[str]:
    return ["stylize", str(film), str(output), "--style", "mosaic", "--codec", "ffv1", *options]


def content(tools, path: Path) -> str:
    """The checksums and times of all decoded pictures and all sound."""
    return tools.run("-i", path, "-map", "0", "-f", "framemd5", "-").stdout


def test_spans_cover_the_film_and_are_enough_for_all_workers():
    rate, first = Fraction(30000, 1001), Fraction(1, 3)
    length = segment_length(3000, 2, 250)
    assert length == 250
    assert segment_length(3000, 8, 250) == 94
    spans = cut(first, rate, 3000, length, 60, None)
    times = [first + number / rate for number in range(3000)]
    inside = [[t for t in times if (p.start is None or t >= p.start) and (p.end is None or t < p.end)] for p in spans]
    assert [len(each) for each in inside] == [250] * 12
    assert [time for each in inside for time in each] == times
    # The same bounds where the first three segments are done.
    rest = cut(first, rate, 3000, length, 60, times[749])
    assert [(span.start, span.end) for span in rest] == [(span.start, span.end) for span in spans[3:]]


def test_workers_go_on_where_they_are_and_share_what_is_left():
    queue = set(range(12))
    assert next_segment(queue, -5, set()) == 0
    assert next_segment(queue - {0}, -5, {0}) == 6
    assert next_segment(queue - {0, 6}, 0, {6}) == 1
    assert next_segment({9, 10, 11}, 3, {8}) == 10
    assert next_segment(set(), 3, {8}) is None


@needs_dask
def test_two_workers_paint_what_one_machine_does_though_one_is_killed(tools, film, tmp_path):
    assert cli.run(arguments(film, tmp_path / "alone.mkv")) == 0
    output = tmp_path / "film.mkv"
    command = [sys.executable, "-m", "reconet_cli", *arguments(film, output, "--cluster", "local:2")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as client:
        until(lambda: list(tmp_path.glob("film.mkv.parts/000000.mkv")), client)
        os.kill(works_with(client, "spawn_main")[0], signal.SIGKILL)
        assert client.wait(120) == 0, client.stderr.read()
    assert content(tools, output) == content(tools, tmp_path / "alone.mkv")
    assert sorted(path.name for path in tmp_path.glob("film*")) == ["film.mkv"]


@needs_dask
def test_an_interrupted_client_goes_on_without_a_cluster(tools, film, tmp_path):
    output = tmp_path / "film.mkv"
    command = [sys.executable, "-m", "reconet_cli", *arguments(film, output, "--cluster", "local:1")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as client:
        until(lambda: list(tmp_path.glob("film.mkv.parts/000000.mkv")), client)
        client.send_signal(signal.SIGINT)
        assert client.wait(60) == 130
    assert not output.exists()
    assert cli.run(arguments(film, output, "--resumable")) == 0
    assert cli.run(arguments(film, tmp_path / "alone.mkv")) == 0
    assert content(tools, output) == content(tools, tmp_path / "alone.mkv")
    assert [path.name for path in tmp_path.glob("film*")] == ["film.mkv"]


@needs_dask
def test_files_of_a_folder_share_the_workers(tools, tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, seconds in (("a.mkv", 2), ("b.mkv", 3)):
        tools.clip(folder / name, size="64x48", rate="25", seconds=seconds)
    (folder / "damaged.mkv").write_bytes(b"no video")
    many = ["--style", "mosaic", "--codec", "ffv1"]
    assert cli.run(["stylize", str(folder), "--output-dir", str(tmp_path / "out"), *many, "--cluster", "local:2"]) == 1
    assert "2 painted, 0 skipped, 1 failed" in capfd.readouterr().out
    assert cli.run(["stylize", str(folder), "--output-dir", str(tmp_path / "alone"), *many]) == 1
    names = sorted(path.name for path in (tmp_path / "alone").iterdir())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for name in names:
        assert content(tools, tmp_path / "out" / name) == content(tools, tmp_path / "alone" / name)


def test_wrong_words_are_explained(film, tmp_path, capfd):
    for spec, words in (("nowhere", "names no cluster"), ("local:none", "no number of workers"),
                        ("tcp://127.0.0.1:9", "no scheduler answers")):  # fmt: skip
        assert cli.run(arguments(film, tmp_path / "film.mkv", "--cluster", spec)) == 1
        assert words in capfd.readouterr().err
    assert cli.run(arguments(film, tmp_path / "film.mkv", "--cluster-transfer")) == 2
    assert not list(tmp_path.glob("film.mkv*"))
