"""Data sets of optical flow: tiny trees of every layout, in bytes of their own, with a motion that is known."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from reconet_cli.errors import FlowError
from reconet_cli.flow.datasets import find_dataset, open_dataset
from reconet_cli.flow.datasets.visibility import contested
from reconet_cli.warping import warp
from tests import flow_trees as trees
from tests.flow_trees import HEIGHT, WIDTH

# name: (builder, layout, pair names, whether flow exists in both directions)
LAYOUTS = {
    "middlebury scenes": (trees.middlebury_scenes, "Middlebury", ["Grove", "Venus"], False),
    "middlebury": (trees.middlebury, "Middlebury", ["Grove"], False),
    "sintel": (trees.sintel, "MPI Sintel (final)", ["training/alley_1/0001", "training/alley_1/0002"], False),
    "sintel without maps": (
        partial(trees.sintel, maps=False),
        "MPI Sintel (final)",
        ["training/alley_1/0001", "training/alley_1/0002"],
        False,
    ),
    "kitti 2015": (trees.kitti, "KITTI 2015", ["training/000003"], False),
    "kitti 2012": (partial(trees.kitti, images="colored_0"), "KITTI 2012", ["training/000003"], False),
    "kitti 2012 gray": (partial(trees.kitti, images="image_0"), "KITTI 2012", ["training/000003"], False),
    "chairs": (trees.flying_chairs, "FlyingChairs", ["data/00001"], False),
    "chairs sample": (partial(trees.flying_chairs, official=False), "FlyingChairs", ["0"], False),
    "things": (
        trees.scene_flow,
        "Scene Flow (final)",
        [f"TRAIN/A/0000/{side}/000{n}" for side in ("left", "right") for n in (6, 7)],
        True,
    ),
    "monkaa": (
        partial(trees.scene_flow, scene="a_rain", frames="frames_cleanpass_webp", suffix="webp"),
        "Scene Flow (clean)",
        [f"a_rain/{side}/000{n}" for side in ("left", "right") for n in (6, 7)],
        True,
    ),
}


def warped(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    tensor = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]
    return warp(tensor, torch.from_numpy(flow)[None])[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_recognized_and_its_flow_carries_previous_onto_current(name, tmp_path):
    build, layout, names, both_ways = LAYOUTS[name]
    dataset = open_dataset(build(tmp_path / "set"))
    assert [pair.name for pair in dataset] == names
    for index, pair in enumerate(dataset):
        assert pair.layout == layout
        # Only these two have more than one pair of a scene.
        steps = index % 2 if "Sintel" in layout or "Scene Flow" in layout else 0
        traced = pair.traced()
        assert (traced.flow.dtype, traced.flow.shape) == (np.float32, (2, HEIGHT, WIDTH))
        assert (traced.visible.dtype, traced.visible.shape) == (np.bool_, (HEIGHT, WIDTH))
        assert traced.previous.dtype == traced.current.dtype == np.uint8

        # With flow b→a the current frame is the later one; with a→b alone time runs backwards.
        here, sign = (steps + 1, -1) if both_ways else (steps, 1)
        square = trees.in_square((here * trees.SQUARE[0], here * trees.SQUARE[1]))
        seen = traced.visible
        for inside, motion in ((square, trees.SQUARE), (~square, trees.BACKGROUND)):
            assert (seen & inside).sum() > 0.3 * inside.sum()
            for component in (0, 1):
                assert set(traced.flow[component][seen & inside]) == {np.float32(sign * motion[component])}

        difference = np.abs(warped(traced.previous, traced.flow) - traced.current).max(2)
        assert difference[seen].max() == 0
        unmoved = np.abs(traced.previous.astype(int) - traced.current).max(2)
        assert unmoved[seen].mean() > 50
        assert not (seen & trees.hidden(here, sign)).any()
        assert not (seen & trees.outside(here, sign)).any()
        assert seen.mean() > (0.4 if "KITTI" in layout else 0.6)


@pytest.mark.parametrize("name", LAYOUTS)
def test_ground_truth_is_in_the_order_of_time(name, tmp_path):
    build, layout, _, _ = LAYOUTS[name]
    truth = open_dataset(build(tmp_path))[0].ground_truth()
    assert truth.flow[:, 2, 2].tolist() == list(trees.BACKGROUND)
    gray = name == "kitti 2012 gray"
    if "clean" not in layout and not gray and "sintel" not in name:
        np.testing.assert_array_equal(truth.a, trees.frame(0))
        np.testing.assert_array_equal(truth.b, trees.frame(1))
    told = {"sintel": True, "kitti 2015": True, "kitti 2012": True, "kitti 2012 gray": True}.get(name, False)
    assert (truth.occluded is not None) == told
    if truth.occluded is not None and "kitti" in name:
        gone = trees.hidden(0, 1) | trees.outside(0, 1)
        np.testing.assert_array_equal(truth.occluded, gone & truth.known)
        assert 0.6 < truth.known.mean() < 0.7
    elif truth.occluded is not None:
        np.testing.assert_array_equal(truth.occluded, trees.hidden(0, 1))
    # The exact way to measure a video with forward flow: frame t-1 against frame t warped onto it.
    lost = trees.hidden(0, 1) | trees.outside(0, 1) | ~truth.known
    assert np.abs(warped(truth.b, truth.flow) - truth.a).max(2)[~lost].max() == 0


def test_sintels_maps_decide_what_is_visible(tmp_path):
    training = trees.sintel(tmp_path) / "training"
    invalid = np.zeros((HEIGHT, WIDTH), bool)
    invalid[40:44, 50:60] = True
    trees.put_mask(training / "invalid/alley_1/frame_0001.png", invalid)
    pair = open_dataset(tmp_path)[0]
    truth, traced = pair.ground_truth(), pair.traced()
    np.testing.assert_array_equal(truth.known, ~invalid)
    assert not traced.visible[invalid].any()
    # The square lies in front: all of it but its outline stays visible, also where it comes to hide something.
    inner = trees.in_square((0, 0)) & ~trees.edges(0)
    assert traced.visible[inner].all()
    without = open_dataset(trees.sintel(tmp_path / "plain", maps=False))[0].traced()
    assert not without.visible[inner].all(), "flow alone cannot say which of the two is in front"


def test_scene_flows_own_boundaries_count(tmp_path):
    trees.scene_flow(tmp_path, scene="a_rain")
    marked = np.zeros((HEIGHT, WIDTH), bool)
    marked[2:5, 3:30] = True
    trees.put_mask(tmp_path / "motion_boundaries/a_rain/into_past/left/0007.pgm", marked)
    first, second = open_dataset(tmp_path).pairs[:2]
    assert not first.traced().visible[marked].any()
    assert second.traced().visible[marked][30:].any()


def test_scene_flow_with_one_direction_runs_backwards_in_time(tmp_path):
    trees.scene_flow(tmp_path, scene="a_rain")
    shutil.rmtree(tmp_path / "optical_flow/a_rain/into_past")
    traced = open_dataset(tmp_path)[0].traced()
    np.testing.assert_array_equal(traced.current, trees.frame(0))
    np.testing.assert_array_equal(traced.previous, trees.frame(1))
    assert not (traced.visible & trees.edges(0)).any()


def test_a_surface_that_shrinks_is_not_contested_and_one_that_grows_leaves_no_gaps():
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    known = np.ones((HEIGHT, WIDTH), bool)
    shrink = np.stack([-0.6 * (x - 30), -0.6 * (y - 20)])
    assert not contested(shrink, known).any()
    square = trees.in_square((0, 0))
    right, down = x - trees.LEFT - (trees.SIDE - 1) / 2, y - trees.TOP - (trees.SIDE - 1) / 2
    grow = np.where(square, np.stack([0.5 * right + 12, 0.5 * down]), 0).astype(np.float32)
    covered = ~square & (np.abs(right - 12) < 11) & (np.abs(down) < 11)
    assert covered.sum() > 100
    assert contested(grow, known)[covered].all()


def test_several_data_sets_in_one_folder(tmp_path):
    trees.middlebury_scenes(tmp_path / "middlebury")
    trees.flying_chairs(tmp_path / "chairs", official=False)
    trees.sintel(tmp_path / "MPI-Sintel")
    dataset = open_dataset(tmp_path)
    assert str(dataset) == "2 pairs of MPI Sintel (final), 1 pair of FlyingChairs, 2 pairs of Middlebury"
    assert [pair.name for pair in dataset][-3:] == ["chairs/0", "middlebury/Grove", "middlebury/Venus"]
    assert open_dataset(tmp_path / "middlebury" / "Venus")[0].name == "Venus"


def test_a_pass_can_be_chosen(tmp_path):
    trees.sintel(tmp_path / "both")
    clean, final = (open_dataset(tmp_path / "both", kind)[0].ground_truth().a for kind in ("clean", "final"))
    np.testing.assert_array_equal(clean, trees.frame(0, 0))
    np.testing.assert_array_equal(final, trees.frame(0, 5))
    trees.sintel(tmp_path / "one", passes=("clean",))
    assert open_dataset(tmp_path / "one")[0].layout == "MPI Sintel (clean)"
    with pytest.raises(FlowError, match="final pass"):
        open_dataset(tmp_path / "one", "final")
    with pytest.raises(ValueError, match="albedo"):
        open_dataset(tmp_path / "one", "albedo")


def test_a_folder_of_something_else_is_not_a_data_set(tmp_path):
    trees.put_picture(tmp_path / "holiday/1.png", trees.frame(0))
    (tmp_path / "flow").mkdir()
    assert find_dataset(tmp_path) is None
    assert find_dataset(tmp_path / "nowhere") is None
    with pytest.raises(FlowError) as raised:
        open_dataset(tmp_path)
    for layout in ("Middlebury", "Sintel", "KITTI", "FlyingChairs", "FlyingThings3D", "Monkaa"):
        assert layout in raised.value.hint


MISSING = {
    "middlebury scenes": "Grove/frame11.png",
    "middlebury": "other-gt-flow/Grove/flow10.flo",
    "sintel": "training/flow/alley_1/frame_0002.flo",
    "kitti 2015": "training/flow_occ/000003_10.png",
    "kitti 2012": "training/colored_0/000003_11.png",
    "things": "optical_flow/TRAIN/A/0000/into_past/right/OpticalFlowIntoPast_0007_R.pfm",
    "monkaa": "motion_boundaries/a_rain/into_past/left/0008.pgm",
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_file_is_named(name, tmp_path):
    root = LAYOUTS[name][0](tmp_path)
    (root / MISSING[name]).unlink()
    with pytest.raises(FlowError, match="missing") as raised:
        open_dataset(root)
    assert str(root / MISSING[name]) in raised.value.message


def test_a_pair_of_chairs_without_flow_is_named(tmp_path):
    trees.flying_chairs(tmp_path)
    for name in ("img1", "img2"):
        trees.put_picture(tmp_path / f"data/00002_{name}.ppm", trees.frame(0))
    with pytest.raises(FlowError, match=r"00002_flow\.flo is missing"):
        open_dataset(tmp_path)


READ = {
    "middlebury scenes": ["frame10.png", "frame11.png", "flow10.flo"],
    "sintel": ["frame_0001.png", "frame_0002.png", "frame_0001.flo"],
    "kitti 2015": ["image_2/000003_11.png", "flow_occ/000003_10.png", "flow_noc/000003_10.png"],
    "chairs": ["img1.ppm", "img2.ppm", "flow.flo"],
    "things": ["left/0007.png", "IntoFuture_0006_L.pfm", "IntoPast_0007_L.pfm", "left/0007.pgm"],
}


@pytest.mark.parametrize(("name", "ending"), [(name, ending) for name, endings in READ.items() for ending in endings])
def test_damaged_and_differing_files_are_named_when_they_are_read(name, ending, tmp_path):
    root = LAYOUTS[name][0](tmp_path)
    files = [path for path in root.rglob("*") if path.as_posix().endswith(ending)]
    assert files
    whole = {path: path.read_bytes() for path in files}
    for path in files:
        path.write_bytes(whole[path][: len(whole[path]) * 2 // 3])
    pair = open_dataset(root)[0]
    with pytest.raises(FlowError) as raised:
        pair.traced()
    assert raised.value.message.split(" is ")[0].endswith(ending)

    for path in files:
        smaller(path)
    with pytest.raises(FlowError, match=f"{WIDTH}x{HEIGHT}|{WIDTH - 2}x{HEIGHT}") as raised:
        pair.traced()
    assert str(root) in raised.value.message


def smaller(path: Path) -> None:
    """Replace a file by one of its kind that is two pixels narrower."""
    if path.suffix == ".flo":
        trees.put_flo(path, trees.true_flow(0, 1)[:, :, 2:])
    elif path.suffix == ".pfm":
        path.write_bytes(f"PF\n{WIDTH - 2} {HEIGHT}\n-1.0\n".encode() + bytes(12 * HEIGHT * (WIDTH - 2)))
    elif "flow_" in path.parent.name:
        trees.put_kitti(path, trees.true_flow(0, 1)[:, :, 2:], np.ones((HEIGHT, WIDTH - 2), bool))
    elif path.suffix == ".pgm":
        trees.put_mask(path, np.zeros((HEIGHT, WIDTH - 2)))
    else:
        trees.put_picture(path, trees.frame(0)[:, 2:])
