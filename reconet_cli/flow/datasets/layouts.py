"""How the public data sets lay out their files.

A layout takes a folder (and a render pass) and returns its pairs, none where the folder is of another kind. A whole
scene may be missing, because the parts are downloaded one by one; a single file may not: `FlowError` names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from reconet_cli.errors import FlowError
from reconet_cli.flow.datasets.pairs import FlowPair

PASSES = ("final", "clean")
_PICTURES = (".png", ".ppm", ".webp", ".jpg")


def _needed(path: Path) -> Path:
    if not path.is_file():
        raise FlowError(f"{path} is missing", "the data set is incomplete; unpack or copy it again")
    return path


def _if_there(folder: Path, name: str) -> Path | None:
    """A file that must be there if its folder is."""
    return _needed(folder / name) if folder.is_dir() else None


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _neighbors(folder: Path, pattern: str) -> Iterator[tuple[Path, Path, str, str]]:
    """Pictures numbered n and n+1, and the two numbers as they are written; `pattern` has the number as its group."""
    numbered = {
        int(found[1]): (path, found[1])
        for path in folder.iterdir()
        if path.suffix in _PICTURES and (found := re.fullmatch(pattern, path.stem))
    }
    for number in sorted(numbered):
        if number + 1 in numbered:
            (a, first), (b, second) = numbered[number], numbered[number + 1]
            yield a, b, first, second


def _choose_pass(folders: dict[str, Path], render_pass: str | None) -> tuple[str, Path] | None:
    """The pass that is asked for, else the first that is there."""
    for name, folder in folders.items():
        if folder.is_dir() and render_pass in (None, name):
            return name, folder
    return None


def _middlebury_pair(name: str, frames: Path, flow: Path) -> FlowPair:
    return FlowPair("Middlebury", name, _needed(frames / "frame10.png"), _needed(frames / "frame11.png"), flow)


def middlebury_scene(folder: Path, render_pass: str | None) -> list[FlowPair]:
    """A scene with frames and flow in one folder: frame10.png, frame11.png, flow10.flo."""
    flow = folder / "flow10.flo"
    return [_middlebury_pair("", folder, flow)] if flow.is_file() and (folder / "frame10.png").is_file() else []


def middlebury(folder: Path, render_pass: str | None) -> list[FlowPair]:
    """The official split (Baker et al., IJCV 2011): other-data/SCENE/frame10.png, other-gt-flow/SCENE/flow10.flo.

    Scenes without a folder in other-gt-flow have no ground truth.
    """
    frames, flows = folder / "other-data", folder / "other-gt-flow"
    if not (frames.is_dir() and flows.is_dir()):
        return []
    scenes = [scene for scene in _folders(flows) if (frames / scene.name).is_dir()]
    return [_middlebury_pair(s.name, frames / s.name, _needed(s / "flow10.flo")) for s in scenes]


def sintel(folder: Path, render_pass: str | None) -> list[FlowPair]:
    """MPI Sintel's training folder (Butler et al., ECCV 2012): final, clean, flow, occlusions, invalid.

    Frames are SCENE/frame_0001.png; flow and occlusions are on the earlier frame's pixels, white is occluded or
    invalid.
    """
    chosen = _choose_pass({name: folder / name for name in PASSES}, render_pass)
    if chosen is None or not (folder / "flow").is_dir():
        return []
    kind, frames = chosen
    pairs: list[FlowPair] = []
    for scene in _folders(folder / "flow"):
        if not (frames / scene.name).is_dir():
            continue
        for a, b, number, _ in _neighbors(frames / scene.name, r"frame_(\d+)"):
            pairs.append(
                FlowPair(
                    f"MPI Sintel ({kind})",
                    f"{scene.name}/{number}",
                    a,
                    b,
                    _needed(scene / f"frame_{number}.flo"),
                    occlusions=_if_there(folder / "occlusions" / scene.name, f"frame_{number}.png"),
                    invalid=_if_there(folder / "invalid" / scene.name, f"frame_{number}.png"),
                )
            )
    return pairs


def kitti(folder: Path, render_pass: str | None) -> list[FlowPair]:
    """KITTI's training folder: image_2 (2015) or colored_0, image_0 (2012), flow_occ and flow_noc.

    Frames are 000000_10.png and 000000_11.png; flow_occ is flow for all pixels, flow_noc leaves the occluded ones out
    (Geiger et al., CVPR 2012; Menze and Geiger, CVPR 2015).
    """
    frames = next((folder / name for name in ("image_2", "colored_0", "image_0") if (folder / name).is_dir()), None)
    everything, seen = folder / "flow_occ", folder / "flow_noc"
    if frames is None or not (everything.is_dir() or seen.is_dir()):
        return []
    flows = everything if everything.is_dir() else seen
    year = "2015" if frames.name == "image_2" else "2012"
    return [
        FlowPair(
            f"KITTI {year}",
            a.stem.removesuffix("_10"),
            a,
            _needed(a.with_name(a.name.replace("_10.", "_11."))),
            _needed(flows / a.name),
            unoccluded=_if_there(seen, a.name),
        )
        for a in sorted(frames.glob("*_10.png"))
    ]


def flying_chairs(folder: Path, render_pass: str | None) -> list[FlowPair]:
    """FlyingChairs (Dosovitskiy et al., ICCV 2015): 00001_img1.ppm, 00001_img2.ppm, 00001_flow.flo in one folder.

    Also as a common code sample has them: 0img0.ppm, 0img1.ppm, 0flow.flo.
    """
    if not any(re.fullmatch(r"\d+_?flow\.flo", path.name) for path in folder.glob("*flow.flo")):
        return []
    pairs: list[FlowPair] = []
    for first, second in (("_img1", "_img2"), ("img0", "img1")):
        for a in sorted(folder.glob(f"*{first}.ppm")):
            number = a.stem.removesuffix(first)
            if number.isdigit():
                flow = _needed(folder / f"{number}{first[:-4]}flow.flo")
                b = _needed(folder / f"{number}{second}.ppm")
                pairs.append(FlowPair("FlyingChairs", number, a, b, flow))
    return pairs


def scene_flow(folder: Path, render_pass: str | None) -> list[FlowPair]:
    """FlyingThings3D, Monkaa and Driving (Mayer et al., CVPR 2016).

    frames_finalpass/SCENE/left/0006.png (or .webp, in folders that end in _webp),
    optical_flow/SCENE/into_future/left/OpticalFlowIntoFuture_0006_L.pfm, into_past alike, and
    motion_boundaries/SCENE/into_past/left/0006.pgm, where SCENE is one folder (Monkaa) or several (TRAIN/A/0000).
    """
    flows = folder / "optical_flow"
    names = {name: (f"frames_{name}pass", f"frames_{name}pass_webp") for name in PASSES}
    there = {
        name: next((folder / n for n in options if (folder / n).is_dir()), folder / options[0])
        for name, options in names.items()
    }
    chosen = _choose_pass(there, render_pass)
    if chosen is None or not flows.is_dir():
        return []
    kind, frames = chosen
    pairs: list[FlowPair] = []
    for future in sorted(flows.rglob("into_future")):
        scene = future.parent.relative_to(flows)
        for side in _folders(future):
            if (frames / scene / side.name).is_dir():
                pairs += _scene_flow_pairs(folder, frames, scene, side.name, kind)
    return pairs


def _scene_flow_pairs(folder: Path, frames: Path, scene: Path, side: str, kind: str) -> Iterator[FlowPair]:
    future, past = (folder / "optical_flow" / scene / way / side for way in ("into_future", "into_past"))
    letter = side[0].upper()
    for a, b, first, second in _neighbors(frames / scene / side, r"(\d+)"):
        reverse = _if_there(past, f"OpticalFlowIntoPast_{second}_{letter}.pfm")
        way, number = ("into_past", second) if reverse else ("into_future", first)
        yield FlowPair(
            f"Scene Flow ({kind})",
            f"{scene.as_posix()}/{side}/{first}",
            a,
            b,
            _needed(future / f"OpticalFlowIntoFuture_{first}_{letter}.pfm"),
            reverse=reverse,
            boundaries=_if_there(folder / "motion_boundaries" / scene / way / side, f"{number}.pgm"),
        )


LAYOUTS: tuple[Callable[[Path, str | None], list[FlowPair]], ...] = (
    middlebury_scene,
    middlebury,
    sintel,
    kitti,
    flying_chairs,
    scene_flow,
)
