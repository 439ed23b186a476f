"""The flow cache: clips are decoded once, whatever they are called, and a cache that fails never stops a training."""

import errno
import hashlib
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import forks
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from reconet_cli.errors import MediaError
from reconet_cli.system.files import Part
from reconet_cli.system.folders import cache_folder
from reconet_cli.training.data.clips import Clips
from reconet_cli.training.data.flow_cache import clip_key
from reconet_cli.warping import visibility_mask

SIZE = 64
# Training squares of 64 px are cut from frames of 80 px.
SHORT_SIDE = 80


@pytest.fixture
def slide(tools, tmp_path):
    """Makes clips of a texture that slides to the left, of a number of frames at 25 a second."""

    def make(name: str, *, seed: int = 0, frames: int = 12, step: int = 4, options: tuple[str, ...] = ()) -> Path:
        coarse = np.random.default_rng(seed).integers(0, 256, (9, 20, 3), dtype=np.uint8)
        scene = cv2.resize(coarse, (120 + frames * step, SHORT_SIDE), interpolation=cv2.INTER_CUBIC)
        raw = b"".join(np.ascontiguousarray(scene[:, step * i : step * i + 120]).tobytes() for i in range(frames))
        layout = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"120x{SHORT_SIDE}", "-r", "25", "-i", "-"]
        encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-pix_fmt", "yuv420p"]
        tools.run(*layout, *encoding, *options, tmp_path / name, stdin=raw)
        return tmp_path / name

    return make


@pytest.fixture
def no_ffmpeg(monkeypatch):
    """From when it is called, nothing can be decoded."""

    def forbid() -> None:
        monkeypatch.setenv("RECONET_FFMPEG", "/nowhere/ffmpeg")

    return forbid


def kept() -> list[Path]:
    return sorted(cache_folder("flow").iterdir()) if cache_folder("flow").is_dir() else []


def digest(clips: Clips) -> str:
    """What training would see of the clips."""
    seen = hashlib.sha256()
    for seed in range(12):
        pair = clips.sample(SIZE, torch.Generator().manual_seed(seed))
        for part in (pair.previous, pair.current, pair.flow, pair.mask):
            seen.update(part.numpy().tobytes())
    return seen.hexdigest()


def test_a_second_use_decodes_nothing_and_sees_the_same(slide, no_ffmpeg):
    files = [slide("a.mp4"), slide("b.mp4", seed=1)]
    first = Clips(files, SIZE)
    assert len(kept()) == 2
    no_ffmpeg()
    asked = []
    second = Clips(files, SIZE, on_clip=lambda done, total: asked.append(done))
    assert len(second) == len(first) > 0
    assert digest(second) == digest(first)
    assert asked == []
    with pytest.raises(MediaError, match="ffmpeg"):
        Clips(files, SIZE + 16)


def test_a_renamed_clip_is_reused_and_a_changed_one_is_not(slide, no_ffmpeg, tmp_path):
    clip = slide("a.mp4")
    before = digest(Clips([clip], SIZE))
    (tmp_path / "elsewhere").mkdir()
    renamed = clip.rename(tmp_path / "elsewhere/other name.mp4")
    slide("a.mp4", seed=7).rename(clip)
    after = digest(Clips([clip], SIZE))
    assert after != before
    assert len(kept()) == 2
    no_ffmpeg()
    assert digest(Clips([renamed], SIZE)) == before
    assert digest(Clips([clip], SIZE)) == after


@pytest.mark.parametrize("length", [1, 1000, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_a_change_of_content_changes_the_key(tmp_path, length):
    data = bytearray(np.random.default_rng(0).integers(0, 256, length, dtype=np.uint8).tobytes())
    file, copy = tmp_path / "a", tmp_path / "b"
    file.write_bytes(data)
    copy.write_bytes(data)
    os.utime(copy, (1, 1))
    key = clip_key(file, 80)
    assert clip_key(copy, 80) == key
    keys = {key, clip_key(file, 81)}
    places = [0, length - 1] + ([length // 2] if length <= 1 << 20 else [])
    for place in dict.fromkeys(places):
        changed = data.copy()
        changed[place] ^= 1
        copy.write_bytes(changed)
        keys.add(clip_key(copy, 80))
    copy.write_bytes(data + b"x")
    keys.add(clip_key(copy, 80))
    assert len(keys) == 3 + len(dict.fromkeys(places))


def test_length_counts_where_the_content_looks_alike(tmp_path):
    keys = set()
    for length in (2_000_000, 2_000_001):
        (tmp_path / "zeros").write_bytes(bytes(length))
        keys.add(clip_key(tmp_path / "zeros", 80))
    assert len(keys) == 2


@pytest.mark.parametrize("damage", ["truncated", "empty", "foreign", "other shapes"])
def test_a_damaged_file_is_made_again(slide, damage):
    from safetensors.torch import save_file

    clip = slide("a.mp4")
    before = digest(Clips([clip], SIZE))
    (file,) = kept()
    whole = file.read_bytes()
    if damage == "other shapes":
        parts = load_file(file) | {"flow": torch.zeros(3, 2, 4, 4, dtype=torch.float16)}
        save_file(parts, file)
    else:
        file.write_bytes({"truncated": whole[:-100], "empty": b"", "foreign": b"nonsense" * 99}[damage])
    assert digest(Clips([clip], SIZE)) == before
    assert file.read_bytes() == whole
    assert kept() == [file]


def test_what_is_kept_is_the_motion_itself(slide):
    Clips([slide("a.mp4", step=5)], SIZE)
    motion = load_file(kept()[0])
    assert {name: part.dtype for name, part in motion.items()} == {
        "previous": torch.uint8, "current": torch.uint8, "flow": torch.float16, "mask": torch.bool,
    }  # fmt: skip
    for index in range(len(motion["flow"])):
        gray = [cv2.cvtColor(motion[n][index].numpy(), cv2.COLOR_RGB2GRAY) for n in ("previous", "current")]
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        back, there = (torch.from_numpy(dis.calc(*pair, None)).permute(2, 0, 1) for pair in (gray[::-1], gray))
        np.testing.assert_allclose(motion["flow"][index].float(), back, rtol=2**-11, atol=1e-4)
        seen = visibility_mask(back[None], there[None])[0].bool()
        assert torch.equal(motion["mask"][index], seen)
        # The scene slides 5 px to the left, so the previous frame shows it 5 px further right.
        assert motion["flow"][index, 0][seen[0]].float().median() == pytest.approx(5, abs=0.25)


def test_two_processes_at_once_do_not_disturb_each_other(slide):
    files = [slide(f"{seed}.mp4", seed=seed) for seed in range(3)]
    code = (
        "import sys; from pathlib import Path; sys.path.append('tests'); from test_flow_cache import Clips, digest;"
        f"print(digest(Clips([Path(name) for name in sys.argv[1:]], {SIZE})))"
    )
    command = [sys.executable, "-c", code, *map(str, files)]
    root = Path(__file__).parents[1]
    both = [forks.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, modules=forks.TRAINING) for _ in range(2)]
    shown = [process.communicate(timeout=90)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert set(shown) == {digest(Clips(files, SIZE))}
    assert [file.suffix for file in kept()] == [".safetensors"] * 3


def test_a_folder_that_cannot_be_written_is_done_without(slide, tmp_path, monkeypatch):
    files = [slide("a.mp4"), slide("b.mp4", seed=1)]
    expected = digest(Clips(files, SIZE))
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("RECONET_CACHE", str(tmp_path / "file"))
    notes = []
    assert digest(Clips(files, SIZE, note=notes.append)) == expected
    assert len(notes) == 1
    assert "not kept" in notes[0]
    assert str(tmp_path / "file/flow") in notes[0]


def test_a_disk_that_is_or_becomes_full_is_done_without(slide, monkeypatch):
    files = [slide("a.mp4"), slide("b.mp4", seed=1)]
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=1000))
    notes = []
    expected = digest(Clips(files, SIZE, note=notes.append))
    assert kept() == []
    assert [note for note in notes if "full" in note] == notes
    monkeypatch.setattr(shutil, "disk_usage", real)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    notes.clear()
    assert digest(Clips(files, SIZE, note=notes.append)) == expected
    assert kept() == []
    assert sum("not kept" in note for note in notes) == 1
    assert os.strerror(errno.ENOSPC) in notes[-1]


def test_the_size_is_told_before_and_is_about_right(slide, tools):
    files = [
        slide("short.mp4", frames=5),
        slide("longer.mkv", frames=90, step=1),
        slide("slow.mp4", frames=30, step=2, options=("-r", "5")),
        tools.clip("wide.mp4", size="192x96", seconds=2),
    ]
    notes = []
    Clips(files, SIZE, note=lambda note: notes.append((note, len(kept()))))
    ((note, already),) = notes
    assert already == 0
    assert "4 clips" in note
    assert str(cache_folder("flow")) in note
    told = float(re.search(r"about ([\d.]+) MB", note)[1]) * 1e6
    real = sum(file.stat().st_size for file in kept())
    assert real / 1.5 < told < real * 1.5


def test_a_stopped_run_keeps_what_is_done(slide):
    # More clips than are worked on at once.
    files = [slide(f"{seed}.mp4", seed=seed, frames=6) for seed in range(8)]
    with pytest.raises(KeyboardInterrupt):
        Clips(files, SIZE, should_stop=lambda: bool(kept()))
    already = len(kept())
    assert 1 <= already < 8
    reports = []
    clips = Clips(files, SIZE, on_clip=lambda done, total: reports.append((done, total)))
    missing = 8 - already
    assert reports == [(done, missing) for done in range(1, missing + 1)]
    assert len(kept()) == 8
    assert clips.skipped == []


def test_clips_without_motion_are_named(slide, tmp_path):
    (tmp_path / "no.mp4").write_bytes(b"no clip")
    files = [slide("one.mp4", frames=1), tmp_path / "no.mp4", tmp_path / "gone.mp4", slide("good.mp4")]
    clips = Clips(files, SIZE)
    assert [problem.split(":")[0] for problem in clips.skipped] == ["one.mp4", "no.mp4", "gone.mp4"]
    assert "fewer than two frames" in clips.skipped[0]
    assert len(kept()) == 1


def test_another_process_is_not_sent_the_frames(slide):
    clips = Clips([slide("a.mp4")], SIZE)
    sent = pickle.dumps(clips)
    assert len(sent) < kept()[0].stat().st_size / 50
    assert digest(pickle.loads(sent)) == digest(clips)


def test_what_killed_processes_left_is_removed(slide):
    cache_folder("flow").mkdir(parents=True)
    left = cache_folder("flow") / ".0.01234567.part.safetensors"
    left.write_bytes(b"half")
    with Part(cache_folder("flow") / "1.safetensors") as at_work:
        Clips([slide("a.mp4")], SIZE)
        assert at_work.path.exists()
    assert not left.exists()


def test_the_folder_can_be_moved(monkeypatch, tmp_path):
    assert cache_folder("flow") == Path(os.environ["HOME"]) / ".cache/reconet/flow"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder("flow") == tmp_path / "xdg/reconet/flow"
    monkeypatch.setenv("RECONET_CACHE", str(tmp_path / "mine"))
    assert cache_folder("flow") == tmp_path / "mine/flow"
