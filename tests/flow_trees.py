"""A small scene with known motion, and trees of files around it as each data set lays them out."""

import struct
from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 48, 64
# From frame a to frame b the background moves by this much (x, y), and a square in front of it by that much.
BACKGROUND = (2, -1)
SQUARE = (9, 4)
TOP, LEFT, SIDE = 14, 10, 16


def texture(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def in_square(shift: tuple[int, int]) -> np.ndarray:
    """The square's pixels after a shift (x, y)."""
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[TOP + shift[1] : TOP + shift[1] + SIDE, LEFT + shift[0] : LEFT + shift[0] + SIDE] = True
    return inside


def frame(steps: int, seed: int = 0) -> np.ndarray:
    """The scene after a number of steps; a is step 0, b step 1."""
    x, y = (steps * v for v in BACKGROUND)
    picture = texture(HEIGHT + 20, WIDTH + 20, seed)[10 - y : 10 - y + HEIGHT, 10 - x : 10 - x + WIDTH].copy()
    picture[in_square((steps * SQUARE[0], steps * SQUARE[1]))] = texture(SIDE, SIDE, seed + 1).reshape(-1, 3)
    return picture


def true_flow(steps: int, sign: int) -> np.ndarray:
    """Flow `(2, H, W)` from the scene after some steps to the next (sign 1) or the one before (sign -1)."""
    square = in_square((steps * SQUARE[0], steps * SQUARE[1]))
    return sign * np.where(square, np.reshape(SQUARE, (2, 1, 1)), np.reshape(BACKGROUND, (2, 1, 1))).astype(np.float32)


def hidden(steps: int, sign: int) -> np.ndarray:
    """Pixels of the scene after some steps that the square hides in the next frame or in the one before."""
    here = in_square((steps * SQUARE[0], steps * SQUARE[1]))
    there = in_square(((steps + sign) * SQUARE[0], (steps + sign) * SQUARE[1]))
    result = np.zeros_like(here)
    for y, x in np.argwhere(~here):
        row, column = y + sign * BACKGROUND[1], x + sign * BACKGROUND[0]
        result[y, x] = 0 <= row < HEIGHT and 0 <= column < WIDTH and there[row, column]
    return result


def outside(steps: int, sign: int) -> np.ndarray:
    """Pixels that leave the frame on the way."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    u, v = true_flow(steps, sign)
    return (x + u < 0) | (x + u > WIDTH - 1) | (y + v < 0) | (y + v > HEIGHT - 1)


def put_picture(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # 101 is lossless for WebP; other formats take no notice.
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if path.suffix == ".webp" else []
    bgr = picture[..., ::-1] if picture.ndim == 3 else picture
    path.write_bytes(cv2.imencode(path.suffix, np.ascontiguousarray(bgr), options)[1].tobytes())
    return path


def put_mask(path: Path, mask: np.ndarray) -> Path:
    return put_picture(path, mask.astype(np.uint8) * 255)


def put_flo(path: Path, flow: np.ndarray, unknown: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = [struct.pack("<fii", 202021.25, flow.shape[2], flow.shape[1])]
    for y in range(flow.shape[1]):
        for x in range(flow.shape[2]):
            lost = unknown is not None and unknown[y, x]
            values.append(struct.pack("<ff", *((1.67e9, 1.67e9) if lost else flow[:, y, x])))
    path.write_bytes(b"".join(values))
    return path


def put_pfm(path: Path, flow: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [struct.pack("<fff", *flow[:, y, x], 0) for y in reversed(range(HEIGHT)) for x in range(WIDTH)]
    path.write_bytes(f"PF\n{WIDTH} {HEIGHT}\n-1.0\n".encode() + b"".join(rows))
    return path


def put_kitti(path: Path, flow: np.ndarray, known: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # OpenCV writes channels in the order B, G, R; KITTI has R = x, G = y, B = valid.
    stored = np.stack([known, *(np.where(known, component * 64 + 32768, 0) for component in flow[::-1])], -1)
    cv2.imwrite(str(path), stored.astype(np.uint16))
    return path


def middlebury_scenes(root: Path) -> Path:
    for number, name in enumerate(("Grove", "Venus")):
        put_picture(root / name / "frame10.png", frame(0, number))
        put_picture(root / name / "frame11.png", frame(1, number))
        put_flo(root / name / "flow10.flo", true_flow(0, 1), hidden(0, 1))
    return root


def middlebury(root: Path) -> Path:
    for name in ("Grove", "Walking"):
        put_picture(root / "other-data" / name / "frame10.png", frame(0))
        put_picture(root / "other-data" / name / "frame11.png", frame(1))
    put_flo(root / "other-gt-flow" / "Grove" / "flow10.flo", true_flow(0, 1))
    return root


def sintel(root: Path, passes: tuple[str, ...] = ("clean", "final"), maps: bool = True) -> Path:
    training = root / "training"
    for steps in range(3):
        name = f"alley_1/frame_{steps + 1:04d}"
        for seed, kind in enumerate(passes):
            put_picture(training / kind / f"{name}.png", frame(steps, 5 * seed))
        if maps:
            put_mask(training / "invalid" / f"{name}.png", np.zeros((HEIGHT, WIDTH)))
        if steps < 2:
            put_flo(training / "flow" / f"{name}.flo", true_flow(steps, 1))
            if maps:
                put_mask(training / "occlusions" / f"{name}.png", hidden(steps, 1))
    return root


def kitti(root: Path, images: str = "image_2") -> Path:
    training = root / "training"
    for name, steps in (("10", 0), ("11", 1)):
        picture = frame(steps)
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        put_picture(training / images / f"000003_{name}.png", gray if images == "image_0" else picture)
    known = np.indices((HEIGHT, WIDTH)).sum(0) % 3 > 0
    put_kitti(training / "flow_occ/000003_10.png", true_flow(0, 1), known)
    put_kitti(training / "flow_noc/000003_10.png", true_flow(0, 1), known & ~hidden(0, 1) & ~outside(0, 1))
    return root


def flying_chairs(root: Path, official: bool = True) -> Path:
    a, b, flow = ("00001_img1", "00001_img2", "00001_flow") if official else ("0img0", "0img1", "0flow")
    folder = root / "data" if official else root
    put_picture(folder / f"{a}.ppm", frame(0))
    put_picture(folder / f"{b}.ppm", frame(1))
    put_flo(folder / f"{flow}.flo", true_flow(0, 1))
    return root


def scene_flow(root: Path, scene: str = "TRAIN/A/0000", frames: str = "frames_finalpass", suffix: str = "png") -> Path:
    for steps in range(3):
        number = f"{steps + 6:04d}"
        for side in ("left", "right"):
            put_picture(root / frames / scene / side / f"{number}.{suffix}", frame(steps))
            for way, sign in (("Future", 1), ("Past", -1)):
                folder = f"{scene}/into_{way.lower()}/{side}"
                put_pfm(
                    root / f"optical_flow/{folder}/OpticalFlowInto{way}_{number}_{side[0].upper()}.pfm",
                    true_flow(steps, sign),
                )
                put_mask(root / f"motion_boundaries/{folder}/{number}.pgm", edges(steps))
    return root


def edges(steps: int) -> np.ndarray:
    """Two pixels to either side of the square's outline."""
    square = in_square((steps * SQUARE[0], steps * SQUARE[1])).astype(np.uint8)
    kernel = np.ones((5, 5), np.uint8)
    return (cv2.dilate(square, kernel) - cv2.erode(square, kernel)) > 0
