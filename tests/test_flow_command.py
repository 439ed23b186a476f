"""`reconet flow`: pictures, folders and clips into flow files and color videos."""

import json
import os
import signal
import struct
import subprocess
import sys
import time

import cv2
import forks
import numpy as np
import pytest
from processes import PATIENCE

from reconet_cli.cli import run
from reconet_cli.commands.flow import FORMATS
from reconet_cli.commands.flow import METHODS as NAMED
from reconet_cli.errors import FlowError
from reconet_cli.flow import METHODS, estimate_flow
from reconet_cli.flow.clips.folder import MANIFEST
from reconet_cli.flow.clips.frames import open_frames
from reconet_cli.flow.clips.workers import in_order
from reconet_cli.flow.files import FLOW_SUFFIXES, read_flow

STEP = 4  # px that the square goes to the right from frame to frame
SIDE = 40
TOP, LEFT = 30, 20  # of the square in the first frame
HEIGHT, WIDTH = 96, 128


def texture(height: int, width: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def frame(index: int) -> np.ndarray:
    """A textured square that moves over a textured background that does not."""
    picture = texture(HEIGHT, WIDTH, 1)
    left = LEFT + STEP * index
    picture[TOP : TOP + SIDE, left : left + SIDE] = texture(SIDE, SIDE, 2)
    return picture


def in_square(index: int) -> tuple[slice, slice]:
    left = LEFT + STEP * index
    return slice(TOP + 8, TOP + SIDE - 8), slice(left + 8, left + SIDE - 8)


def save(path, pixels):
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1])
    return path


@pytest.fixture
def pictures(tmp_path):
    """Four frames whose names sort wrongly as text."""
    for index in range(4):
        save(tmp_path / "frames" / f"frame{8 + index}.png", frame(index))
    return tmp_path / "frames"


def reconet(*arguments) -> int:
    return run(["flow", *map(str, arguments)])


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != MANIFEST}


def test_the_command_knows_the_methods_and_formats_that_there_are():
    assert NAMED == METHODS
    assert tuple(f".{name}" for name in FORMATS) == FLOW_SUFFIXES


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_two_pictures_give_a_flow_file(pictures, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    assert reconet(pictures / "frame8.png", pictures / "frame9.png", out) == 0
    flow, known = read_flow(out)
    assert flow.shape == (2, HEIGHT, WIDTH)
    assert known.all()
    assert np.median(flow[(0, *in_square(0))]) == pytest.approx(STEP, abs=0.1)
    assert np.median(flow[(1, *in_square(0))]) == pytest.approx(0, abs=0.1)
    assert np.abs(flow[:, :15]).max() < 0.3


def test_backward_starts_at_the_second_picture(pictures, tmp_path):
    out = tmp_path / "out.flo"
    assert reconet(pictures / "frame8.png", pictures / "frame9.png", out, "--backward") == 0
    assert np.median(read_flow(out)[0][(0, *in_square(1))]) == pytest.approx(-STEP, abs=0.1)


def test_scale_gives_full_size_pixels(tmp_path):
    scene = texture(160, 200, 3)
    first = save(tmp_path / "first.png", scene[0:130, 0:180])
    second = save(tmp_path / "second.png", scene[4:134, 8:188])
    assert reconet(first, second, tmp_path / "out.flo", "--scale", "0.5") == 0
    flow, _ = read_flow(tmp_path / "out.flo")
    assert flow.shape == (2, 130, 180)
    assert np.median(flow[0]) == pytest.approx(-8, abs=0.2)
    assert np.median(flow[1]) == pytest.approx(-4, abs=0.2)


def test_both_directions_and_masks_of_two_pictures(pictures, tmp_path):
    arguments = (pictures / "frame8.png", pictures / "frame9.png", tmp_path / "out.pfm", "--both", "--occlusion")
    assert reconet(*arguments) == 0
    made = {path.name for path in tmp_path.glob("out*")}
    assert made == {f"out_{way}{end}" for way in ("forward", "backward") for end in (".pfm", "_visible.png")}
    forward, backward = (
        cv2.imread(str(tmp_path / f"out_{way}_visible.png"), cv2.IMREAD_UNCHANGED) for way in ("forward", "backward")
    )
    assert forward.shape == backward.shape == (HEIGHT, WIDTH)
    assert {*np.unique(forward), *np.unique(backward)} == {0, 255}
    rows = slice(TOP + 4, TOP + SIDE - 4)
    # The first frame's strip before the square is about to be covered; the second's behind it has just been uncovered.
    assert (forward[rows, LEFT + SIDE : LEFT + SIDE + STEP] == 0).mean() > 0.7
    assert (backward[rows, LEFT : LEFT + STEP] == 0).mean() > 0.7
    for mask, index in ((forward, 0), (backward, 1)):
        assert (mask[in_square(index)] == 255).mean() > 0.9
        assert (mask[4:15, 4:-4] == 255).all()


def test_a_folder_gives_a_file_a_pair_in_natural_order(pictures, tmp_path):
    assert reconet(pictures, tmp_path / "out") == 0
    assert set(times(tmp_path / "out")) == {"frame8.flo", "frame9.flo", "frame10.flo"}
    for index, name in enumerate(("frame8", "frame9", "frame10")):
        flow, _ = read_flow(tmp_path / "out" / f"{name}.flo")
        assert np.median(flow[(0, *in_square(index))]) == pytest.approx(STEP, abs=0.1)


def test_files_are_named_after_the_frame_whose_pixels_they_are_for(pictures, tmp_path):
    assert reconet(pictures, tmp_path / "back", "--backward", "--format", "npz", "--occlusion") == 0
    names = {f"frame{n}{end}" for n in (9, 10, 11) for end in (".npz", "_visible.png")}
    assert set(times(tmp_path / "back")) == names
    assert reconet(pictures, tmp_path / "both", "--both", "--format", "png") == 0
    names = {f"frame{n}_forward.png" for n in (8, 9, 10)} | {f"frame{n}_backward.png" for n in (9, 10, 11)}
    assert set(times(tmp_path / "both")) == names
    flow, _ = read_flow(tmp_path / "both" / "frame11_backward.png")
    assert np.median(flow[(0, *in_square(3))]) == pytest.approx(-STEP, abs=0.1)


def test_what_is_complete_is_kept_and_what_is_not_is_made_again(pictures, tmp_path, capsys):
    out = tmp_path / "out"
    assert reconet(pictures, out, "--occlusion") == 0
    whole = (out / "frame9.flo").read_bytes()
    before = times(out)
    assert reconet(pictures, out, "--occlusion") == 0
    assert times(out) == before
    assert "0 pairs (3 more were there)" in capsys.readouterr().err
    (out / "frame9.flo").write_bytes(whole[:-100])
    (out / "frame10_visible.png").write_bytes((out / "frame8_visible.png").read_bytes()[:40])
    assert reconet(pictures, out, "--occlusion") == 0
    assert (out / "frame9.flo").read_bytes() == whole
    after = times(out)
    assert {name for name in after if after[name] == before[name]} == {"frame8.flo", "frame8_visible.png"}
    assert cv2.imread(str(out / "frame10_visible.png"), cv2.IMREAD_UNCHANGED).shape == (HEIGHT, WIDTH)


def test_a_folder_of_something_else_is_refused_and_stays_as_it_is(pictures, tmp_path, capsys):
    out = tmp_path / "out"
    assert reconet(pictures, out) == 0
    before = times(out)
    assert reconet(pictures, out, "--method", "dis-fast", "--backward") == 1
    assert "other method and directions" in capsys.readouterr().err
    save(pictures / "frame9.png", frame(0))
    assert reconet(pictures, out) == 1
    assert "other frames" in capsys.readouterr().err
    assert times(out) == before
    (out / MANIFEST).write_text("[")
    assert reconet(pictures, out) == 1
    assert "damaged" in capsys.readouterr().err
    inputs = times(pictures)
    assert reconet(pictures, pictures) == 1
    assert "holds other files" in capsys.readouterr().err
    assert times(pictures) == inputs


def test_a_clip_gives_numbered_files(tools, tmp_path):
    clip = tools.clip("short.mp4", seconds=0.16, sound=())
    assert reconet(clip, tmp_path / "out", "--both") == 0
    names = {f"{n:06d}_forward.flo" for n in range(3)} | {f"{n:06d}_backward.flo" for n in range(1, 4)}
    assert set(times(tmp_path / "out")) == names
    frames = [shown.pixels for shown in open_frames(clip).read()]
    np.testing.assert_array_equal(
        read_flow(tmp_path / "out" / "000002_backward.flo")[0], estimate_flow(frames[2], frames[1])
    )
    assert json.loads((tmp_path / "out" / MANIFEST).read_text())["method"] == "dis-medium"


@pytest.fixture
def moving_clip(tools, tmp_path):
    """The square as a clip with uneven frame times."""
    for index in range(8):
        save(tmp_path / "shot" / f"{index}.png", frame(index))
    path = tmp_path / "moving.mkv"
    tools.run(
        "-framerate", "25", "-i", tmp_path / "shot" / "%d.png", "-vf", "setpts=N*40+gte(N\\,4)*160,settb=1/1000",
        "-fps_mode", "passthrough", "-enc_time_base", "1/1000", "-c:v", "libx264", "-crf", "4", "-bf", "0",
        "-pix_fmt", "yuv444p", path,
    )  # fmt: skip
    return path


def test_a_color_video_shows_the_motion_at_the_frames_own_times(moving_clip, tools, tmp_path, capsys):
    out = tmp_path / "colors.mkv"
    assert reconet(moving_clip, out, "--no-legend", "--jobs", "1") == 0
    assert "full color is 4 px" in capsys.readouterr().err
    shown = tools.pixels(out)
    assert len(shown) == 7
    assert tools.times(out) == pytest.approx(tools.times(moving_clip)[:7], abs=0.002)
    for index, colors in enumerate(shown):
        red, green, blue = np.median(colors[in_square(index)], axis=(0, 1))
        assert red > 180
        assert max(green, blue) < 60
        assert colors[:15].min() > 225
    assert reconet(moving_clip, out) == 1
    assert "-y" in capsys.readouterr().err
    assert reconet(moving_clip, out, "-y", "--backward", "--max-flow", "4", "--jobs", "1") == 0
    backward = tools.pixels(out)
    assert tools.times(out) == pytest.approx(tools.times(moving_clip)[1:], abs=0.002)
    assert np.median(backward[0][in_square(1)], axis=(0, 1))[0] < 60  # cyan
    legend = backward[:, -25:, :25]
    assert np.abs(legend.astype(int) - legend[0]).max() < 60
    assert legend.min() < 60


def test_a_folder_of_pictures_gives_a_color_video(pictures, tools, tmp_path):
    odd = tmp_path / "odd"
    for index in range(3):
        save(odd / f"{index}.png", frame(index)[:-1, :-1])
    assert reconet(odd, tmp_path / "out.mp4", "--max-flow", "4") == 0
    assert len(tools.pixels(tmp_path / "out.mp4")) == 2


def running_groups() -> list[str]:
    """The process group of everything that runs and is not merely waiting to be reaped."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return [row.split()[0] for row in listed.splitlines() if "Z" not in row]


@pytest.mark.parametrize(
    ("target", "options", "sign"),
    [("flows", ["--jobs", "2"], "flows/*.flo"), ("out.mp4", ["--jobs", "1", "--max-flow", "8"], ".out*.mp4")],
)
def test_ctrl_c_ends_soon_and_leaves_nothing_half(tools, tmp_path, target, options, sign):
    clip = tools.clip("long.mp4", size="192x128", seconds=8, sound=())
    command = [sys.executable, "-m", "reconet_cli", "flow", clip, tmp_path / target, "--method", "deepflow", *options]
    child = forks.Popen(command, stderr=subprocess.PIPE, text=True, modules=forks.TRAINING)
    deadline = time.monotonic() + PATIENCE
    while not any(path.stat().st_size for path in tmp_path.glob(sign)) and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=PATIENCE)
    assert child.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.part*"))
    assert not (tmp_path / "out.mp4").exists()
    made = sorted(tmp_path.glob("flows/*.flo"))
    if made:
        frames = [shown.pixels for shown in open_frames(clip).read()]
        at = int(made[0].stem)
        whole = estimate_flow(frames[at], frames[at + 1], "deepflow")
        np.testing.assert_allclose(read_flow(made[0])[0], whole, atol=1e-3)
    for path in made:
        assert read_flow(path)[0].shape == (2, 128, 192)
    while str(child.pid) in running_groups():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_worker_that_dies_is_an_error_and_not_a_wait():
    with pytest.raises(FlowError, match="worker"):
        list(in_order(os._exit, [3], 2))


def test_results_come_in_order_and_tasks_are_taken_as_needed():
    taken = []

    def tasks():
        for number in range(20):
            taken.append(number)
            yield -number

    results = in_order(abs, tasks(), 2)
    assert next(results) == 0
    assert len(taken) <= 6
    assert list(results) == list(range(1, 20))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png"], "name a clip"),
        ([], "name a clip"),
        (["a.png", "b.png", "c.png", "d.flo"], "name a clip"),
        (["clip.mp4", "out", "--both", "--backward"], "exclude"),
        (["clip.mp4", "out.mp4", "--both"], "name a folder"),
        (["clip.mp4", "out.mp4", "--occlusion"], "name a folder"),
        (["clip.mp4", "out.mp4", "--format", "flo"], "--format"),
        (["clip.mp4", "out", "--max-flow", "3"], "color video"),
        (["clip.mp4", "out", "--no-legend"], "color video"),
        (["clip.mp4", "out", "-y"], "-y"),
        (["a.png", "b.png", "out"], "goes to a file"),
        (["clip.mp4", "out", "--method", "tvl1", "--method", "raft"], "--evaluate"),
        (["clip.mp4", "out", "--scale", "0"], "scale"),
        (["clip.mp4", "out", "--scale", "2"], "scale"),
        (["clip.mp4", "out", "--method", "magic"], "magic"),
        (["clip.mp4", "out", "--json"], "--json"),
        (["--evaluate", ".", "out"], "nothing to write"),
        (["--evaluate", ".", "--both"], "--both"),
        (["--evaluate", ".", "--no-legend"], "--legend"),
        (["--evaluate", "missing"], "missing"),
    ],
)
def test_wrong_use(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert reconet(*arguments) == 2
    assert words in capsys.readouterr().err


def test_what_does_not_pair_is_named(pictures, tools, tmp_path, capsys):
    first, out = pictures / "frame8.png", tmp_path / "out.flo"
    small = save(tmp_path / "small.png", frame(0)[:50])
    tiny = save(tmp_path / "tiny.png", frame(0)[:1, :1])
    (tmp_path / "text.png").write_text("no picture")
    save(tmp_path / "one" / "1.png", frame(0))
    (tmp_path / "none").mkdir()
    save(tmp_path / "mixed" / "1.png", frame(0))
    save(tmp_path / "mixed" / "2.png", frame(0)[:50])
    save(tmp_path / "twice" / "1.png", frame(0))
    save(tmp_path / "twice" / "1.jpg", frame(0))
    single = tools.clip("single.mp4", seconds=0.04, sound=())
    cases = [
        ((first, small, out), "differ in size: 128x96 and 128x50"),
        ((tiny, tiny, out), "16 px"),
        ((first, tmp_path / "no.png", out), "no.png"),
        ((first, tmp_path / "text.png", out), "text.png"),
        ((first, first, tmp_path / "out.txt"), "out.txt"),
        ((first, pictures / "frame9.png", first), "is an input"),
        ((first, pictures / "frame9.png", tmp_path / "missing" / "out.flo"), "missing"),
        ((first, tmp_path / "flows"), "is a picture"),
        ((tmp_path / "no.mp4", tmp_path / "flows"), "no.mp4"),
        ((tmp_path / "one", tmp_path / "flows"), "only one picture"),
        ((tmp_path / "none", tmp_path / "flows"), "no pictures"),
        ((tmp_path / "mixed", tmp_path / "mixed_out"), "2.png is 128x50"),
        ((tmp_path / "twice", tmp_path / "flows"), "2 pictures named 1"),
        ((single, tmp_path / "single_out"), "single frame"),
        ((single, tmp_path / "single.mp4"), "single frame"),
        ((pictures, tmp_path / "out.xyz"), "out.xyz"),
    ]
    for arguments, words in cases:
        assert reconet(*arguments) == 1, arguments
        said = capsys.readouterr().err
        assert words in said, said
        assert "Traceback" not in said
    assert not out.exists()
    assert not (tmp_path / "single.mp4").exists()
    assert reconet(first, first, out) == 0
    assert reconet(first, first, out) == 1
    assert "-y" in capsys.readouterr().err
    assert reconet(first, first, out, "-y") == 0


def tiny_middlebury(folder, right: int) -> np.ndarray:
    """One scene whose content moves to the right; returns the true flow `(2, H, W)`, its first column unknown."""
    scene = texture(HEIGHT, WIDTH + right, 5)
    save(folder / "frame10.png", scene[:, right:])
    save(folder / "frame11.png", scene[:, :WIDTH])
    flow = np.zeros((HEIGHT, WIDTH, 2), "<f4")
    flow[..., 0] = right
    flow[:, 0] = 1e10
    (folder / "flow10.flo").write_bytes(b"PIEH" + struct.pack("<ii", WIDTH, HEIGHT) + flow.tobytes())
    return flow.transpose(2, 0, 1)


def test_evaluation_measures_what_opencv_gives(tmp_path, capsys):
    truth = tiny_middlebury(tmp_path / "Scene", 3)
    assert reconet("--evaluate", tmp_path, "--method", "dis-medium", "--method", "farneback", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    color = [cv2.imread(str(tmp_path / "Scene" / f"frame{n}.png")) for n in (10, 11)]
    gray = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in color]
    direct = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*gray, None)
    distance = np.hypot(direct[:, 1:, 0] - truth[0, :, 1:], direct[:, 1:, 1])
    assert [row["method"] for row in found["errors"]] == ["dis-medium", "farneback"]
    row = found["errors"][0]
    assert row["end_point_error"] == pytest.approx(distance.mean(), rel=1e-5)
    assert row["over"] == pytest.approx([(distance > t).mean() for t in (1, 3, 5)])
    assert row["occlusion_f"] is None
    assert row["milliseconds"] > 0
    assert (row["layout"], row["pair"]) == ("Middlebury", "Scene")
    (check,) = found["warping"]
    assert check["warped"] == 0  # a whole shift
    inside = slice(1, WIDTH - 3)
    apart = np.abs(color[0].astype(int) - color[1])[:, inside].mean()
    assert check["unwarped"] == pytest.approx(apart, rel=1e-4)


def test_evaluation_prints_tables(tmp_path, capsys):
    tiny_middlebury(tmp_path / "A", 2)
    tiny_middlebury(tmp_path / "B", 3)
    assert reconet("--evaluate", tmp_path, "--method", "dis-fast") == 0
    said = capsys.readouterr().out
    assert "Middlebury, 2 pairs" in said
    assert "dis-fast" in said
    assert "unwarped" in said


def test_evaluation_of_a_folder_without_ground_truth(pictures, capsys):
    assert reconet("--evaluate", pictures) == 1
    assert "Middlebury" in capsys.readouterr().err
