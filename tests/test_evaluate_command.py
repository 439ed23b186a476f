"""`reconet evaluate`: clips, styles and data sets with true flow; table, JSON, CSV and page."""

from __future__ import annotations

import base64
import csv
import json
import math
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import cv2
import flow_trees
import numpy as np
import pytest
from conftest import IDENTITY

from reconet_cli.cli import run
from reconet_cli.errors import EvaluationError
from reconet_cli.evaluation.painters import column_names
from reconet_cli.evaluation.published import PUBLISHED, SCENES
from reconet_cli.evaluation.truth import evaluate_pairs, papers_scenes, scene_of
from reconet_cli.flow.datasets import open_dataset
from tests.evaluating import evaluate

HEIGHT, WIDTH, COUNT = 48, 64, 13
STEP = 2

MINE = "/".join(Path(IDENTITY).parts[-2:])


def source() -> list[np.ndarray]:
    """A texture that moves to the left by two pixels a frame."""
    noise = np.random.default_rng(0).normal(0, 1, (HEIGHT, WIDTH + STEP * COUNT, 3)).astype(np.float32)
    spots = cv2.GaussianBlur(noise, (0, 0), 2.5)
    whole = (40 + (spots - spots.min()) / np.ptp(spots) * 170).astype(np.uint8)
    return [whole[:, STEP * t : STEP * t + WIDTH].copy() for t in range(COUNT)]


def flickering(sigma: float) -> list[np.ndarray]:
    """The same with another noise in each frame."""
    rng = np.random.default_rng(1)
    return [np.clip(frame + rng.normal(0, sigma, frame.shape), 0, 255).astype(np.uint8) for frame in source()]


def put(folder: Path, frames: list[np.ndarray]) -> str:
    folder.mkdir()
    for index, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{index}.png"), frame[..., ::-1])
    return str(folder)


@pytest.fixture
def clips(tmp_path):
    """The original, a noisy painting of it and a noisier one."""
    return [
        put(tmp_path / "original", source()),
        put(tmp_path / "calm", flickering(5)),
        put(tmp_path / "wild", flickering(15)),
    ]


def test_a_painted_file_is_measured_as_players_show_it(tools, tmp_path):
    """Chroma of 4:2:0 does not move by single pixels; taken as blocks it would flicker in all that does."""
    noise = np.random.default_rng(3).normal(0, 1, (HEIGHT, WIDTH + COUNT, 3)).astype(np.float32)
    spots = cv2.GaussianBlur(noise, (0, 0), 2)
    whole = (128 + np.clip(spots / spots.std() / 3, -1, 1) * 120).astype(np.uint8)
    still = put(tmp_path / "still", [whole[:, t : t + WIDTH] for t in range(COUNT)])
    painted = tmp_path / "painted.mp4"
    tools.run("-i", f"{still}/%d.png", "-vf", "scale=out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_inp",
              "-pix_fmt", "yuv420p", "-colorspace", "bt709", "-c:v", "libx264", "-crf", "0", painted)  # fmt: skip
    target = tmp_path / "found.json"
    assert run(["evaluate", still, still, str(painted), "--loss-network", "none", "--json", str(target)]) == 0
    exact, stored = (clip["e_stab"] for clip in json.loads(target.read_text())["clips"])
    assert stored < exact + 0.015


def test_the_table_and_the_json_are_those_of_the_library(clips, tmp_path, capsys):
    target = tmp_path / "found.json"
    assert run(["evaluate", *clips, "--loss-network", "none", "--json", str(target)]) == 0
    table = capsys.readouterr().out
    record = json.loads(target.read_text(), parse_constant=lambda name: pytest.fail(name))
    expected = evaluate(source(), {"calm": flickering(5), "wild": flickering(15)})
    assert record["frames"] == COUNT
    for clip, found in zip(expected.painted, record["clips"], strict=True):
        assert found["name"] == clip.name
        assert found["e_stab"] == pytest.approx(clip.error())
        assert found["long_range"] == {"5": pytest.approx(clip.error(5)), "10": pytest.approx(clip.error(10))}
        assert found["sharpness"] == pytest.approx(clip.sharpness)
        assert found["style"] is None
        assert f"{clip.error():.4f}" in next(line for line in table.splitlines() if line.startswith(clip.name))
    assert record["original"]["e_stab"] == pytest.approx(expected.source.error())
    assert record["coverage"]["1"] == pytest.approx(expected.traced())
    assert table.splitlines()[1].split() == [
        "temporal",
        "error",
        "e_stab",
        "t-5",
        "t-10",
        "E_warp",
        "tOF",
        "structure",
        "tone",
        "sharpness",
    ]
    assert re.search(rf"^pixels traced +{expected.traced():.0%} ", table, re.MULTILINE)
    share = expected.painted[1].error() / expected.painted[0].error()
    assert re.search(rf"as shares of calm\n.*\nwild +{share:.0%} ", table)


def test_json_on_stdout_is_json_alone(clips, capsys):
    assert run(["evaluate", *clips[:2], "--json", "-", "--frames", "6", "--size", "48x36"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["frames"] == 6
    assert record["about"]["loss_network"] == "compact"
    assert record["clips"][0]["long_range"]["10"] is None
    assert record["clips"][0]["content"] > 0


def test_a_style_picture_is_what_style_is_measured_against(clips, tmp_path, capsys):
    pictures = [
        put(tmp_path / name, frames[:1]) + "/0.png" for name, frames in (("a", source()), ("b", flickering(60)))
    ]

    def styles(*chosen: str) -> list[float]:
        options = [part for picture in chosen for part in ("--style-picture", picture)]
        assert run(["evaluate", *clips, *options, "--frames", "2", "--json", "-"]) == 0
        return [clip["style"] for clip in json.loads(capsys.readouterr().out)["clips"]]

    first, second, each = styles(pictures[0]), styles(pictures[1]), styles(*pictures)
    assert each == [first[0], second[1]]
    assert abs(first[0] - second[0]) > 0.1 * second[0]


def test_the_csv_has_a_line_a_frame(clips, tmp_path):
    target = tmp_path / "frames.csv"
    assert run(["evaluate", *clips, "--loss-network", "none", "--csv", str(target)]) == 0
    rows = list(csv.DictReader(target.open()))
    assert [row["clip"] for row in rows] == ["original"] * COUNT + ["calm"] * COUNT + ["wild"] * COUNT
    expected = evaluate(source(), {"calm": flickering(5)})
    calm = rows[COUNT : 2 * COUNT]
    assert [int(row["frame"]) for row in calm] == list(range(COUNT))
    for span in (1, 5, 10):
        there = [row for row in calm if row[f"error_{span}"]]
        assert [int(row["frame"]) for row in there] == list(range(span, COUNT))
        assert [float(row[f"traced_{span}"]) for row in there] == pytest.approx(expected.coverage[span])
    mean = math.sqrt(np.mean([float(row["error_1"]) ** 2 for row in calm[1:]]))
    assert mean == pytest.approx(expected.painted[0].error())


class _Page(HTMLParser):
    """What a page refers to, its text, and whether its elements are closed in their order."""

    _empty = frozenset({"meta", "img", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.links += [values[name] for name in ("href", "action", "srcset") if name in values]
        if "src" in values:
            self.images.append(values["src"])
        if tag not in self._empty:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_the_page_stands_alone(clips, tmp_path):
    target, odd = tmp_path / "page.html", tmp_path / "<b>&amp;'\"x\udce9"  # the last is a byte that is no text
    Path(clips[2]).rename(odd)
    assert run(["evaluate", clips[0], clips[1], str(odd), "--html", str(target)]) == 0
    text = target.read_text(encoding="utf-8")
    page = _Page(text)
    assert page.open == []
    assert page.links == []
    assert not {"script", "link", "iframe", "b"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?:", text)
    assert odd.name.encode(errors="backslashreplace").decode() in page.words
    assert page.tags.count("figure") >= 8
    assert len(page.images) in (6, 9, 12)  # one pair of each clip, or two where they are far enough from each other
    for image in page.images:
        head, data = image.split(",", 1)
        assert head == "data:image/jpeg;base64"
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.usefixtures("identity")
def test_a_style_is_painted_and_measured_in_one_go(clips, capsys, tmp_path):
    styles = [tmp_path / "one.same", tmp_path / "two.same"]
    for style in styles:
        style.touch()
    options = ["--style", str(styles[0]), "--style", str(styles[1]), "--loss-network", "none", "--json", "-"]
    assert run(["evaluate", *clips[:2], *options]) == 0
    record = json.loads(capsys.readouterr().out)
    folder = tmp_path.name
    assert [clip["name"] for clip in record["clips"]] == ["calm", f"{folder}/one.same", f"{folder}/two.same"]
    calm, one, two = record["clips"]
    assert calm["fps"] is None
    assert one["fps"] > 0
    assert one["e_stab"] == two["e_stab"] == record["original"]["e_stab"]


def test_a_style_made_steady_stands_beside_itself(clips, capsys):
    options = ["--engine", "torch", "--precision", "fp32", "--style-picture", f"{clips[0]}/0.png", "--frames", "4"]
    assert run(["evaluate", clips[1], "--style", "mosaic", "--deflicker", *options, "--json", "-"]) == 0
    plain, steady = json.loads(capsys.readouterr().out)["clips"]
    assert [plain["name"], steady["name"]] == ["mosaic", "mosaic (deflicker)"]
    assert steady["e_stab"] < 0.95 * plain["e_stab"]
    assert steady["fps"] < plain["fps"]
    assert plain["style"] > 0 < steady["style"]


def test_videos_are_read(tools, capsys):
    clip = str(tools.clip())
    assert run(["evaluate", clip, str(tools.clip("other.mkv")), "--loss-network", "none", "--json", "-"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["frames"] == 25
    assert record["clips"][0]["sharpness"] == pytest.approx(record["original"]["sharpness"], rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the original"),
        (["{0}"], "what should"),
        (
            ["{0}", "{1}", "{2}", "--style-picture", "{0}/0.png", "--style-picture", "{0}/1.png", "--style", "mosaic"],
            "3 ",
        ),
        (["{0}", "{1}", "--style-picture", "{0}/0.png", "--loss-network", "none"], "needs a loss network"),
        (["--sintel", "{0}"], "needs a --style"),
        (["--sintel", "{0}", "{1}", "--style", "mosaic"], "nothing else"),
        (["{0}", "{1}", "--frames", "1"], "--frames"),
        (["{0}", "{1}", "--deflicker"], "is for a --style"),
        (["{0}", "nowhere.mp4"], "nowhere.mp4"),
        (["--sintel", "{0}", "--style", "mosaic", "--method", "tvl1"], "--method estimates"),
        (["--sintel", "{0}", "--style", "mosaic", "--loss-network", "vgg16"], "--loss-network is for clips"),
        (["{0}", "{1}", "--precision", "fp32"], "--precision is about a --style"),
        (["{0}", "--style", IDENTITY, "--variant", "fast"], "--variant is for named styles"),
    ],
)
@pytest.mark.usefixtures("identity")
def test_wrong_use(clips, capsys, arguments, message):
    assert run(["evaluate", *(argument.format(*clips) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_clips_that_do_not_fit_leave_no_file(clips, tmp_path, capsys):
    (Path(clips[1]) / "7.png").unlink()
    files = sorted(tmp_path.iterdir())
    arguments = ["evaluate", *clips[:2], "--loss-network", "none", "--html", str(tmp_path / "page.html")]
    assert run(arguments) == 1
    assert "the original has 13, calm has 12" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == files
    assert run([*arguments, "--frames", "12"]) == 0
    assert run(arguments) == 1
    assert "page.html is there already" in capsys.readouterr().err
    assert run([*arguments, "--frames", "12", "-y"]) == 0


def test_sizes_that_differ_need_size(tmp_path, capsys):
    small = [cv2.resize(frame, (32, 24), interpolation=cv2.INTER_AREA) for frame in source()]
    arguments = ["evaluate", put(tmp_path / "a", source()), put(tmp_path / "b", small), "--loss-network", "none"]
    assert run(arguments) == 1
    assert "b is 32x24, the original 64x48" in capsys.readouterr().err
    assert run([*arguments, "--size", "32x24", "--json", "-"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["clips"][0]["e_stab"] == pytest.approx(record["original"]["e_stab"])


def test_pictures_are_no_clips(clips, capsys):
    assert run(["evaluate", f"{clips[0]}/0.png", f"{clips[1]}/0.png"]) == 1
    said = capsys.readouterr().err
    assert "0.png is a picture" in said
    assert "name clips" in said


def test_columns_have_distinct_names():
    assert column_names(["a/x.mp4", "b/x.mp4", "c/y.mp4"], ["mosaic"]) == ["a/x.mp4", "b/x.mp4", "y.mp4", "mosaic"]
    assert column_names([], ["runs/one/fast.safetensors", "one"]) == ["one/fast", "one"]
    with pytest.raises(EvaluationError, match="mosaic is named twice"):
        column_names([], ["mosaic", "mosaic"])


def inverted(frame: np.ndarray) -> np.ndarray:
    return 255 - frame


def brighter_later(frame: np.ndarray) -> np.ndarray:
    """Adds 10 to the second frame of the trees' scene alone."""
    return frame // 2 + np.uint8(10 * (frame.tobytes() == flow_trees.frame(1).tobytes()))


def test_true_flow_explains_the_frames_of_a_data_set(tmp_path):
    pairs = open_dataset(flow_trees.sintel(tmp_path), "clean").pairs
    seen = []

    def painter(frame):
        seen.append(frame)
        return brighter_later(frame)

    (scene,) = evaluate_pairs(pairs, {"inverted": inverted, "flash": painter}, on_cut=lambda: pytest.fail("no cut"))
    assert scene.scene == "alley_1"
    assert len(scene.pairs) == 2
    assert scene.source == scene.error("inverted") == 0
    assert all((frame == flow_trees.frame(t)).all() for t, frame in enumerate(seen))
    assert len(seen) == 3  # each frame is painted once, in its order
    # Every traced pixel differs by 10 in both pairs.
    expected = math.sqrt(np.mean([(10 / 255) ** 2 * pair.coverage for pair in scene.pairs]))
    assert scene.error("flash") == pytest.approx(expected, rel=1e-5)
    visible = [pair.traced().visible.mean() for pair in pairs]
    assert [pair.coverage for pair in scene.pairs] == pytest.approx(visible)


def test_a_cut_is_told_before_the_next_scene_is_painted(tmp_path):
    seen: list[int | str] = []

    def painter(frame):
        seen.append(1)
        return frame

    pairs = open_dataset(_papers(tmp_path)).pairs
    evaluate_pairs(pairs, {"same": painter}, on_cut=lambda: seen.append("cut"))
    assert seen == [1, 1, 1, "cut", 1, 1, 1]


def test_another_size_takes_flow_and_mask_along(tmp_path):
    pairs = open_dataset(flow_trees.sintel(tmp_path, maps=False), "clean").pairs
    height, width = flow_trees.HEIGHT, flow_trees.WIDTH
    spots = cv2.GaussianBlur(flow_trees.texture(height, width + 20, 1), (0, 0), 2)
    for t, path in enumerate(dict.fromkeys(path for pair in pairs for path in (pair.a, pair.b))):
        flow_trees.put_picture(path, spots[:, 4 * t : 4 * t + width])
    flow = np.zeros((2, height, width), np.float32)
    sources = {}
    for shift in (-4, 0):
        flow[0] = shift
        for pair in pairs:
            flow_trees.put_flo(pair.flow, flow)
        (scene,) = evaluate_pairs(pairs, {}, (2 * width, height))
        assert scene.coverage == pytest.approx(1 + shift / width, abs=0.02)
        sources[shift] = scene.source
    assert sources[-4] < 0.1 * sources[0]


def _papers(folder: Path) -> Path:
    """A tree with one of the paper's scenes and one that is not in its table."""
    training = flow_trees.sintel(folder) / "training"
    for scene in list(training.glob("*/alley_1")):
        shutil.copytree(scene, scene.with_name("temple_2"))
    return folder


def test_of_sintel_the_papers_scenes_are_taken(tmp_path):
    pairs = open_dataset(_papers(tmp_path / "with")).pairs
    assert {scene_of(pair) for pair in pairs} == {"alley_1", "temple_2"}
    assert {scene_of(pair) for pair in papers_scenes(pairs)} == {"temple_2"}
    others = open_dataset(flow_trees.sintel(tmp_path / "without")).pairs
    assert papers_scenes(others) == list(others)


@pytest.mark.usefixtures("identity")
def test_the_papers_table(tmp_path, capsys):
    files = {kind: tmp_path / f"found.{kind}" for kind in ("json", "csv", "html")}
    options = [part for kind, path in files.items() for part in (f"--{kind}", str(path))]
    assert run(["evaluate", "--sintel", str(_papers(tmp_path / "sintel")), "--style", IDENTITY, *options]) == 0
    table = capsys.readouterr().out.splitlines()
    assert "MPI Sintel (final), 2 pairs, true flow, 640x360" in table[0]
    assert table[1].split() == ["temporal", "error", "temple_2", "mean", "fps"]
    rows = {line[:19].strip(): line[19:].split() for line in table[2:]}
    for row in PUBLISHED:
        assert rows[row.method][:2] == [f"{row.errors[SCENES.index('temple_2')]:.4f}"] * 2
    assert rows[MINE][0] == rows["original (floor)"][0]
    record = json.loads(files["json"].read_text())
    assert record["about"]["size"] == [640, 360]
    assert record["scenes"][0]["scene"] == "temple_2"
    assert record["fps"][MINE] > 0
    assert len(list(csv.DictReader(files["csv"].open()))) == 2
    page = _Page(files["html"].read_text())
    assert page.open == []
    assert "Ruder et al. 2016" in page.words


@pytest.mark.usefixtures("identity")
def test_data_sets_without_scenes_stand_alone(tmp_path, capsys):
    flow_trees.middlebury_scenes(tmp_path / "middlebury")
    flow_trees.flying_chairs(tmp_path / "chairs")
    assert run(["evaluate", "--truth", str(tmp_path), "--style", IDENTITY]) == 0
    table = capsys.readouterr().out
    assert table.splitlines()[1].split() == ["temporal", "error", "FlyingChairs", "Grove", "Venus", "mean", "fps"]
    assert "Ruder" not in table


def test_a_folder_of_another_kind_is_refused(clips, capsys):
    assert run(["evaluate", "--sintel", clips[0], "--style", "mosaic"]) == 1
    assert "no optical-flow data set" in capsys.readouterr().err
