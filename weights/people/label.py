"""Make training views for `learn.py` with MediaPipe's selfie segmenter as the teacher.

    python weights/people/label.py --teacher MODELS --people FOLDER --nobody FOLDER -o VIEWS
    python weights/people/label.py --teacher MODELS --masks FOLDER -o MASKS
    python weights/people/label.py --teacher MODELS --weights -o START

This runs in an environment of its own: `pip install ai-edge-litert numpy opencv-python-headless`. MODELS holds
`selfie_segmentation.tflite` and `selfie_segmentation_landscape.tflite` of the wheel `mediapipe==0.10.21` (Apache-2.0).
The teacher marks whatever stands out, animals and flowers too, so a person has sorted photographs and clips into
pictures with people and without; in the latter nothing is marked.

The first form writes files of 500 views each: crops of pictures, and people and things cut out and put before other
backgrounds. The second writes what the teacher says of every frame of clips and pictures, for `benchmarks/people.py`.
The third writes the teacher's own weights, for `learn.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

# Views come in three shapes (height, width) of about as many pixels, with shares.
SHAPES = ((144, 256), (192, 192), (256, 144))
_SHAPE_SHARES = (0.55, 0.25, 0.2)
_CROPS, _COMPOSED = 0.42, 0.25  # the rest of the views show nobody
_A_FILE = 500
_LONG_SIDE = 640
_FRAMES_OF_A_CLIP = 12
# The teacher has a model for wide frames.
_WIDE = 1.5
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "Convolution2DTransposeBias")
_PICTURES = (".jpg", ".jpeg", ".png")


class Teacher:
    """MediaPipe's two models: one for wide frames, one for others."""

    def __init__(self, folder: Path) -> None:
        self._models = [_loaded(folder, name) for name in ("", "_landscape")]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The share of a person in each pixel of an RGB picture (H, W, 3): float32 in [0, 1] at the model's size."""
        model = self._models[picture.shape[1] >= _WIDE * picture.shape[0]]
        entry = model.get_input_details()[0]
        height, width = entry["shape"][1:3]
        small = cv2.resize(picture, (int(width), int(height)), interpolation=cv2.INTER_AREA)
        model.set_tensor(entry["index"], small[None].astype(np.float32) / 255)
        model.invoke()
        return model.get_tensor(model.get_output_details()[0]["index"])[0, ..., 0].copy()

    def both_ways(self, picture: np.ndarray) -> np.ndarray:
        """The mean over a picture and its mirror image, at the picture's size."""
        mask = (self(picture) + self(np.ascontiguousarray(picture[:, ::-1]))[:, ::-1]) / 2
        return np.clip(cv2.resize(mask, picture.shape[1::-1]), 0, 1)


def _loaded(folder: Path, name: str) -> Interpreter:
    model = Interpreter(str(folder / f"selfie_segmentation{name}.tflite"), num_threads=1)
    model.allocate_tensors()
    return model


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    """Weights and biases of both models by name and place, in PyTorch's order."""
    found = {}
    for kind, name in (("square", ""), ("wide", "_landscape")):
        model = _loaded(folder, name)
        steps = model._get_ops_details()
        # They are kept in half precision, and a step makes single precision of each.
        kept = {step["outputs"][0]: step["inputs"][0] for step in steps if step["op_name"] == "DEQUANTIZE"}
        layers = [step for step in steps if step["op_name"] in _CONVOLUTIONS]
        for place, layer in enumerate(layers):
            weight, bias = (model.get_tensor(kept[number]) for number in layer["inputs"][1:3])
            # (out, h, w, in); where channels are taken one by one (1, h, w, C), as in the last layer, which enlarges.
            order = (0, 3, 1, 2) if layer["op_name"] == "CONV_2D" else (3, 0, 1, 2)
            found[f"{kind}.{place}.weight"], found[f"{kind}.{place}.bias"] = weight.transpose(order), bias
    return found


@dataclass(frozen=True)
class Source:
    """A picture, RGB uint8, and what stands out in it, float32 (H, W) in [0, 1]."""

    picture: np.ndarray
    mask: np.ndarray


def frames_of(path: Path) -> Iterator[np.ndarray]:
    """The frames of a picture or a clip, RGB."""
    if path.suffix.lower() in _PICTURES:
        yield cv2.imread(str(path))[..., ::-1]
        return
    clip = cv2.VideoCapture(str(path))
    while (read := clip.read())[0]:
        yield read[1][..., ::-1]


def reduced(picture: np.ndarray) -> np.ndarray:
    """A picture with a longer side of at most 640 pixels."""
    factor = min(1.0, _LONG_SIDE / max(picture.shape))
    size = [round(side * factor) for side in picture.shape[1::-1]]
    return cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)


def refined(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mask along the picture's edges (a guided filter by luma; He, Sun, Tang, 2010), for cutting out."""
    guide = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    size = (2 * (max(picture.shape) // 80) + 1,) * 2
    mean_g, mean_m = cv2.blur(guide, size), cv2.blur(mask, size)
    slope = (cv2.blur(guide * mask, size) - mean_g * mean_m) / (cv2.blur(guide * guide, size) - mean_g**2 + 1e-3)
    fine = cv2.blur(slope, size) * guide + cv2.blur(mean_m - slope * mean_g, size)
    return np.clip((fine - 0.15) / 0.7, 0, 1)


def sources_of(folder: Path, teacher: Teacher) -> list[list[Source]]:
    """The sources of each file."""
    found = []
    for path in sorted(folder.iterdir()):
        frames = [reduced(frame) for frame in frames_of(path)]
        some = frames[:: max(1, len(frames) // _FRAMES_OF_A_CLIP)]
        found.append([Source(frame, refined(frame, teacher.both_ways(frame))) for frame in some])
    return found


class Views:
    """Random views of pictures with people and without, uint8 (H, W, 4): RGB, people."""

    def __init__(self, people: list[list[Source]], nobody: list[list[Source]], teacher: Teacher, seed: int) -> None:
        self._people, self._nobody, self._teacher = people, nobody, teacher
        self._random = np.random.default_rng(seed)

    def view(self, shape: tuple[int, int]) -> np.ndarray:
        """One view of a shape (height, width)."""
        picture, mask = self._picture(shape)
        return np.dstack([picture, np.round(np.clip(mask, 0, 1) * 255).astype(np.uint8)])

    def _picture(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """A picture and its mask."""
        kind = self._random.random()
        if kind < _CROPS:
            return self._crop(shape)
        picture = self._background(shape)
        mask = np.zeros(shape, np.float32)
        people = self._random.choice([1, 2, 3], p=[0.6, 0.3, 0.1]) if kind < _CROPS + _COMPOSED else 0
        things = self._random.choice([0, 1, 2], p=[0.55, 0.35, 0.1])
        for is_person in self._random.permutation([True] * people + [False] * things):
            picture, mask = self._put(picture, mask, bool(is_person))
        return picture, mask

    def _one(self, sources: list[list[Source]]) -> Source:
        frames = sources[self._random.integers(len(sources))]
        return frames[self._random.integers(len(frames))]

    def _window(self, source: Source, shape: tuple[int, int], center: tuple[float, float] | None) -> np.ndarray:
        """A matrix (2, 3) from a part of the picture to a view; it stays within the picture."""
        height, width = source.picture.shape[:2]
        stretch = np.exp(self._random.uniform(-0.15, 0.15))
        largest = min(height / shape[0], width / (shape[1] * stretch))
        down = largest * (0.4 + 0.6 * self._random.random() ** 0.5)
        across = down * stretch
        part = across * shape[1], down * shape[0]
        if center is None:
            center = self._random.uniform(0, width), self._random.uniform(0, height)
        corner = [np.clip(c - p / 2, 0, s - p) for c, p, s in zip(center, part, (width, height), strict=True)]
        return np.float32([[1 / across, 0, -corner[0] / across], [0, 1 / down, -corner[1] / down]])

    def _seen(self, image: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        size = shape[::-1]
        # Reduced pictures would alias if they were sampled as they are.
        blur = max(0.0, 0.45 * (1 / min(matrix[0, 0], matrix[1, 1]) - 1))
        image = cv2.GaussianBlur(image, (0, 0), blur) if blur > 0.1 else image
        return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)

    def _crop(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """A part of a picture with people; the teacher looks at the part itself, near what it saw in the whole."""
        source = self._one(self._people)
        center = None
        if self._random.random() < 0.75:
            rows, columns = np.nonzero(source.mask[::4, ::4] > 0.5)
            if len(rows):
                pick = self._random.integers(len(rows))
                center = 4.0 * columns[pick], 4.0 * rows[pick]
        matrix = self._window(source, shape, center)
        picture = self._seen(source.picture, matrix, shape)
        near = cv2.dilate(source.mask, np.ones((25, 25), np.uint8))
        mask = self._teacher.both_ways(picture) * (self._seen(near, matrix, shape) > 0.3)
        return picture, mask

    def _background(self, shape: tuple[int, int]) -> np.ndarray:
        source = self._one(self._nobody)
        return self._seen(source.picture, self._window(source, shape, None), shape)

    def _put(self, picture: np.ndarray, mask: np.ndarray, person: bool) -> tuple[np.ndarray, np.ndarray]:
        """Cut a person or a thing out of a picture and put it into another one."""
        source = self._one(self._people if person else self._nobody)
        rows, columns = np.nonzero(source.mask[::2, ::2] > 0.5)
        if len(rows) < source.mask.size / 4 * 0.02 or len(rows) > source.mask.size / 4 * 0.8:
            return picture, mask
        top, bottom, left, right = (
            2 * float(value) for value in (rows.min(), rows.max(), columns.min(), columns.max())
        )
        height, width = mask.shape
        factor = height * self._random.uniform(0.3, 1.15) / max(bottom - top, 0.6 * (right - left), 8)
        # Who is cut off by the picture's lower edge is cut off by the view's, too.
        cut = bottom > source.mask.shape[0] - 8
        down = height * (1 + self._random.uniform(0, 0.2)) if cut else height * self._random.uniform(0.6, 1.1)
        across = self._random.uniform(0.1, 0.9) * width
        matrix = np.float32([[factor, 0, across - factor * (left + right) / 2], [0, factor, down - factor * bottom]])
        blur = max(0.0, 0.45 * (1 / factor - 1))
        cutout = cv2.GaussianBlur(source.picture, (0, 0), blur) if blur > 0.1 else source.picture
        size = (width, height)
        color = cv2.warpAffine(cutout, matrix, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        alpha = cv2.warpAffine(source.mask, matrix, size)
        color = np.clip(color * self._random.uniform(0.75, 1.25, 3) ** 0.5, 0, 255)
        share = alpha[..., None]
        mixed = np.round(picture * (1 - share) + color * share).astype(np.uint8)
        return mixed, np.maximum(mask, alpha) if person else mask * (1 - alpha)


def main() -> None:
    """Write views, or the teacher's masks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument(
        "--people", type=Path, action="append", default=[], help="a folder; one named twice counts twice"
    )
    parser.add_argument("--nobody", type=Path, action="append", default=[])
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--weights", action="store_true", help="write the teacher's weights")
    parser.add_argument("--count", type=int, default=16000)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.weights:
        np.savez(options.output, **weights_of(options.teacher))
        return
    options.output.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(options.teacher)
    if options.masks:
        for path in sorted(options.masks.iterdir()):
            masks = [np.round(np.clip(teacher(frame), 0, 1) * 255).astype(np.uint8) for frame in frames_of(path)]
            np.savez_compressed(options.output / f"{path.name}.npz", masks=np.stack(masks))
            print(path.name, len(masks), f"{np.mean(np.stack(masks) > 127):.3f}", flush=True)
        return
    known = {folder: sources_of(folder, teacher) for folder in {*options.people, *options.nobody}}
    people, nobody = ([s for folder in folders for s in known[folder]] for folders in (options.people, options.nobody))
    print(len(people), "with people,", len(nobody), "without", flush=True)
    for number in range(options.count // _A_FILE):
        random = np.random.default_rng([number, 1])
        shape = SHAPES[random.choice(3, p=_SHAPE_SHARES)]
        views = Views(people, nobody, teacher, number)
        seen = np.stack([views.view(shape) for _ in range(_A_FILE)])
        np.save(options.output / f"part-{number:04d}.npy", seen)
        print(number, shape, flush=True)


if __name__ == "__main__":
    main()
