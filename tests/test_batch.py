"""Many inputs: names, shards, failures that stop nobody else, and the summary."""

import os
import shutil
import signal
import subprocess
import weakref
from pathlib import Path

import cv2
import forks
import pytest
from conftest import IDENTITY, Engine
from processes import PATIENCE

import reconet_cli.styles.finding
from reconet_cli import cli
from reconet_cli.engines import LoadedStyle
from reconet_cli.stylizing.batch.shard import parse_shard

FAST = ("--preset", "ultrafast")


def stylize(capfd, *arguments: object) -> tuple[int, list[str], str]:
    """Exit status, lines of the summary, and what stood on stderr."""
    status = cli.run(["stylize", "--style", IDENTITY, *map(str, arguments)])
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return status, out.splitlines(), err


@pytest.fixture(scope="module")
def shelf(tools, tmp_path_factory) -> Path:
    """Three clips and a picture in a folder that also has other things, hidden ones and a folder in it."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "deeper").mkdir()
    small = tools.clip("small.mp4", size="32x16", seconds=0.2)
    for name in ("b.mp4", "a.mp4", ".hidden.mp4", "deeper/e.mp4"):
        shutil.copy(small, folder / name)
    tools.run("-i", small, "-c", "copy", folder / "c d.mkv")
    tools.run("-i", small, "-frames:v", "1", folder / "photo.PNG")
    (folder / "notes.txt").write_text("no video")
    return folder


@pytest.fixture
def clips(shelf, tmp_path, monkeypatch) -> Path:
    """A copy of those files in `in`, beside which we are."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(shelf, tmp_path / "in")


def made(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_folder_into_folder(capfd, identity, tools, clips, tmp_path):
    out = tmp_path / "out/new"
    assert stylize(capfd, "in", "--output-dir", "out/new", *FAST)[0] == 0
    assert made(out) == ["a-identity.mp4", "b-identity.mp4", "c d-identity.mkv", "photo-identity.png"]
    assert len(tools.times(out / "a-identity.mp4")) == 5
    (out / "b-identity.mp4").unlink()
    before = (out / "a-identity.mp4").stat()
    status, table, _ = stylize(capfd, "in", "--output-dir", "out/new", "--skip-existing")
    assert status == 0
    assert [line.split()[0] for line in table[1:-1]] == ["skipped", "painted", "skipped", "skipped"]
    assert table[-1] == "1 painted, 3 skipped, 0 failed"
    assert (out / "a-identity.mp4").stat().st_mtime_ns == before.st_mtime_ns


def test_one_failure_does_not_stop_the_rest(capfd, identity, clips, tmp_path):
    (clips / "a.mp4").write_bytes(b"broken" * 100)
    arguments = ("in/a.mp4", "missing.mp4", "in/b.mp4", "--output-dir", "out", *FAST)
    status, table, err = stylize(capfd, *arguments)
    assert status == 1
    assert made(tmp_path / "out") == ["b-identity.mp4"]
    assert [line.split()[0] for line in table[1:-1]] == ["failed", "failed", "painted"]
    assert "in/a.mp4 is no video" in table[1]
    assert "missing.mp4: No such file" in table[2]
    assert table[3].split()[1] == "5"
    assert table[-1] == "1 painted, 0 skipped, 2 failed"
    assert "error: in/a.mp4 is no video" in err
    # An output that is there is kept, and said to be there.
    status, table, err = stylize(capfd, "in/b.mp4", "--output-dir", "out", *FAST)
    assert status == 1
    assert "is there already" in table[1]
    assert stylize(capfd, "in/b.mp4", "--output-dir", "out", "-y", *FAST)[0] == 0


def test_foreign_errors_are_told_in_a_line_and_stop_nobody_else(capfd, identity, monkeypatch, clips, tmp_path):
    """Networks raise whatever their runtimes raise."""
    errors = iter([
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has a total capacity of"),
        RuntimeError("Exception from src/inference/src/cpp/core.cpp:97:\nno such layer\n"),
        cv2.error("OpenCV(4.11.0) error: (-215:Assertion failed) !empty()"),
        subprocess.TimeoutExpired(["ffmpeg", "-version"], 30),
        type("EPFail", (Exception,), {})("[ONNXRuntimeError] : 11 : EP_FAIL"),
    ])  # fmt: skip

    def broken(frame):
        if error := next(errors, None):
            raise error
        return frame

    identity(lambda path, size, sixteen_bit, options: Engine(broken))
    names = [f"in/{number}.mp4" for number in range(6)]
    for name in names:
        (tmp_path / name).write_bytes((clips / "a.mp4").read_bytes())
    status, table, err = stylize(capfd, *names, "--output-dir", "out", *FAST)
    assert status == 1
    assert table[-1] == "1 painted, 0 skipped, 5 failed"
    told = ("out of memory (CUDA", "RuntimeError: no such layer", "!empty()", "ffmpeg does not answer", "EP_FAIL")
    for line, words in zip(table[1:], told, strict=False):
        assert words in line
    assert "smaller size" in err


@pytest.mark.parametrize("error", [RuntimeError("bad\nluck"), ValueError("bad"), RecursionError("bad"), MemoryError()])
def test_no_command_shows_a_trace(capfd, monkeypatch, error):
    def styles():
        raise error

    monkeypatch.setattr(reconet_cli.styles.finding, "list_styles", styles)
    assert cli.run(["styles"]) == 1
    said = capfd.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 2
    assert "Traceback" not in said
    with pytest.raises(type(error)):
        cli.run(["--debug", "styles"])


def test_names(capfd, identity, tools, clips, tmp_path):
    tools.run("-i", clips / "a.mp4", "-c:v", "mpeg2video", "-c:a", "mp2", clips / "old.mpg")
    names = ("--name", "{folder}/{style} {stem}{suffix}")
    sources = ("in/a.mp4", "in/deeper", "in/old.mpg")
    assert stylize(capfd, *sources, "--output-dir", "out", *names, *FAST)[0] == 0
    assert made(tmp_path / "out") == ["deeper/identity e.mp4", "in/identity a.mp4", "in/identity old.mp4"]
    # A literal name turns everything into one kind of file.
    assert stylize(capfd, "in/a.mp4", "--output-dir", "out", "--name", "{stem}.mkv", *FAST)[0] == 0
    assert tools.info(tmp_path / "out/a.mkv").format.startswith("matroska")


def test_two_outputs_of_one_name_are_refused_before_any_work(capfd, identity, clips, tmp_path):
    status, _, err = stylize(capfd, "in", "--output-dir", "out", "--name", "x.mp4")
    assert status == 1
    assert "in/a.mp4 and in/b.mp4 would both become out/x.mp4" in err
    assert not (tmp_path / "out").exists()


def test_painting_a_folder_into_itself_twice(capfd, identity, clips, tmp_path):
    (clips / "photo.PNG").unlink()
    assert stylize(capfd, "in", "--output-dir", "in", *FAST)[0] == 0
    before = made(clips)
    status, table, _ = stylize(capfd, "in", "in/a.mp4", "./in", "--output-dir", "in", "--skip-existing", *FAST)
    assert status == 0
    assert table[-1] == "0 painted, 3 skipped, 0 failed"
    assert made(clips) == before


def test_nothing_to_paint(capfd, identity, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, err = stylize(capfd, tmp_path / "empty", "--output-dir", tmp_path / "out")
    assert status == 1
    assert "no video or picture in" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.mp4"], ["a.mp4", "b.mp4", "c.mp4"], ["a.mp4", "b.mp4", "--skip-existing"], ["-", "--output-dir", "out"],
        ["a.mp4", "b.mp4", "--shard", "1/2"], ["a.mp4", "b.mp4", "--name", "{stem}.mp4"],
        ["a.mp4", "--output-dir", "out", "--name", "{nonsense}.mp4"], ["a.mp4", "--output-dir", "out", "--name", "{"],
        ["a.mp4", "--output-dir", "out", "--name", "{stem.x}"], ["a.mp4", "--output-dir", "out", "--name", ""],
        ["a.mp4", "--output-dir", "out", "--shard", "3/2"], ["a.mp4", "--output-dir", "out", "--shard", "slurm"],
    ],
)  # fmt: skip
def test_wrong_use(capfd, identity, monkeypatch, clips, arguments):
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    assert stylize(capfd, *arguments)[0] == 2
    assert not Path("out").exists()


def test_shards_together_are_everything_once(capfd, identity, clips, tmp_path):
    (clips / "photo.PNG").unlink()
    for number, painted in ((1, ["a", "c d"]), (2, ["b"])):
        before = set(made(tmp_path))
        assert stylize(capfd, "in", "--output-dir", "out", "--shard", f"{number}/2", *FAST)[0] == 0
        new = sorted(Path(path).stem.removesuffix("-identity") for path in set(made(tmp_path)) - before)
        assert new == painted
    # More tasks than files.
    status, table, _ = stylize(capfd, "in", "--output-dir", "out", "--shard", "9/9", *FAST)
    assert (status, table[-1]) == (0, "0 painted, 0 skipped, 0 failed")


def test_a_shard_knows_the_whole_batch(capfd, identity, clips):
    # Options about video are right though this part is a picture alone, and another part's input stays.
    assert stylize(capfd, "in/a.mp4", "in/photo.PNG", "--output-dir", "out", "--shard", "2/2", *FAST)[0] == 0
    other = (clips / "b.mp4").rename(clips / "a-identity.mp4")
    before = other.read_bytes()
    status, table, _ = stylize(capfd, "in/a.mp4", other, "--output-dir", "in", "--shard", "1/2", "-y", *FAST)
    assert (status, table[-1]) == (1, "0 painted, 0 skipped, 1 failed")
    assert other.read_bytes() == before


@pytest.mark.parametrize(
    ("array", "tasks"),
    [((0, 3, 4), [0, 1, 2, 3]), ((1, 3, 3), [1, 2, 3]), ((10, 40, 4), [10, 20, 30, 40]), ((7, 7, 1), [7])],
)
def test_slurm_arrays(array, tasks):
    names = ("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_ID")
    items = list(range(11))
    parts = [parse_shard("slurm", dict(zip(names, map(str, (*array, task)), strict=True))).of(items) for task in tasks]
    assert sorted(item for part in parts for item in part) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    "values", [("0", "9", "5", "3"), ("0", "3", "4", "4"), ("0", "x", "4", "1"), ("0", "0", "0", "0")]
)
def test_slurm_arrays_that_cannot_be_shared_out(values):
    names = ("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_ID")
    with pytest.raises(ValueError, match="slurm"):
        parse_shard("slurm", dict(zip(names, values, strict=True)))


def test_the_engine_is_loaded_once_per_size(capfd, identity, tools, clips):
    loaded = []
    identity(lambda path, size, sixteen_bit, options: loaded.append(size) or Engine())
    tools.run("-i", clips / "a.mp4", "-vf", "scale=48:16", clips / "a2.mp4")
    assert stylize(capfd, "in", "--output-dir", "out")[0] == 0
    assert sorted(loaded) == [(16, 32), (16, 48)]


def test_large_frames_of_another_size_take_the_place_of_the_old_ones(identity):
    """The memory of the old ones is free before the new ones are loaded."""
    alive: weakref.WeakSet = weakref.WeakSet()
    most = []

    def load(path, size, sixteen_bit, options):
        most.append(len(alive))
        alive.add(made := Engine())
        return made

    identity(load)
    style = LoadedStyle(IDENTITY)
    for height in (2000, 2160, 2000):
        assert style.engine(height, 3840) is style.engine(height, 3840)
    assert most == [0, 0, 0]
    for height in (100, 200, 300, 100, 200, 300):
        style.engine(height, 100)
    assert len(most) == 6


def test_styles_in_names(tmp_path):
    from reconet_cli.commands.batch_options import Batch

    (tmp_path / "clip.mp4").touch()
    names = set()
    files = ("starry/fast.safetensors", "wave/fast.safetensors", "wave/paper.safetensors", "mine.onnx")
    for style, variant in (("starry", "auto"), ("starry", "paper"), *((file, "auto") for file in files)):
        file = tmp_path / style
        file.parent.mkdir(exist_ok=True)
        if file.suffix:
            file.touch()
        batch = Batch(tmp_path, "{style}{suffix}", False, None, False)
        (item,) = batch.items([str(tmp_path / "clip.mp4")], [str(file)], variant)
        names.add(item.target.stem)
    assert names == {"starry", "starry-paper", "starry-fast", "wave-fast", "wave-paper", "mine"}


def test_interrupt_ends_the_whole_batch(stylize, clips, tmp_path):
    process = forks.Popen(
        [*stylize, "in/a.mp4", "in/b.mp4", "--output-dir", "out"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "RECONET_TEST_DELAY": "0.2"},
    )  # fmt: skip
    assert process.stderr
    while not process.stderr.readline().startswith("[2/2]"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert out.splitlines()[-1] == "1 painted, 0 skipped, 0 failed"
    assert err.splitlines()[-1] == "error: interrupted"
    assert made(tmp_path / "out") == ["a-identity.mp4"]
