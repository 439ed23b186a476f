"""Optical flow estimators behind one function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from reconet_cli.errors import FlowError
from reconet_cli.flow import raft

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Estimator:
    """`run` maps two RGB frames to a flow `(2, H, W)`; `check` raises `FlowError` where something is not installed.

    `smallest` is the shortest side in pixels that OpenCV 5 was seen to survive and to find a shift on: below it,
    some methods return noise, some never return and some end the process (DIS on 28x112, PCAFlow on 48x300).
    """

    smallest: int
    run: Callable[[np.ndarray, np.ndarray], np.ndarray]
    check: Callable[[], object]


def _gray(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def _bgr(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)


def _contrib(name: str) -> Callable[[], cv2.DenseOpticalFlow]:
    """A constructor of OpenCV's contrib modules, by its name in `cv2.optflow`."""
    found: Callable[[], cv2.DenseOpticalFlow] | None = getattr(getattr(cv2, "optflow", None), name, None)
    if found is None:
        raise FlowError(
            f"this OpenCV ({cv2.__version__}) has no {name}",
            "install opencv-contrib-python, and no other opencv package beside it",
        )
    return found


def _opencv(
    a: np.ndarray,
    b: np.ndarray,
    create: Callable[[], cv2.DenseOpticalFlow],
    prepare: Callable[[np.ndarray], np.ndarray] = _gray,
) -> np.ndarray:
    # A new object for each pair: they keep buffers, so threads cannot share one, and making one costs next to nothing.
    flow = create().calc(prepare(a), prepare(b), None)  # type: ignore[call-overload]  # the hints ask for a field
    return np.ascontiguousarray(flow.transpose(2, 0, 1))


def _core(smallest: int, create: Callable[[], cv2.DenseOpticalFlow]) -> _Estimator:
    return _Estimator(smallest, partial(_opencv, create=create), lambda: None)


def _extra(smallest: int, name: str, prepare: Callable[[np.ndarray], np.ndarray] = _gray) -> _Estimator:
    def run(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return _opencv(a, b, _contrib(name), prepare)

    return _Estimator(smallest, run, partial(_contrib, name))


def _pcaflow(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # It follows corners, and fails where there is none: a black frame in a clip must not end the clip.
    if any(np.ptp(frame) == 0 for frame in (a, b)):
        return np.zeros((2, *a.shape[:2]), np.float32)
    return _opencv(a, b, _contrib("createOptFlow_PCAFlow"))


_ESTIMATORS = {
    "dis-ultrafast": _core(32, partial(cv2.DISOpticalFlow.create, cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)),
    "dis-fast": _core(32, partial(cv2.DISOpticalFlow.create, cv2.DISOPTICAL_FLOW_PRESET_FAST)),
    "dis-medium": _core(16, partial(cv2.DISOpticalFlow.create, cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)),
    "farneback": _core(16, cv2.FarnebackOpticalFlow.create),
    "tvl1": _extra(16, "DualTVL1OpticalFlow_create"),
    "deepflow": _extra(32, "createOptFlow_DeepFlow"),
    "pcaflow": _Estimator(64, _pcaflow, partial(_contrib, "createOptFlow_PCAFlow")),
    "denserlof": _extra(96, "DenseRLOFOpticalFlow_create", _bgr),
    "raft": _Estimator(16, raft.estimate, raft.load),
}
METHODS = tuple(_ESTIMATORS)
_SHORT = {"dis": "dis-medium"}


def check_method(method: str) -> None:
    """Raise `FlowError` where a method is unknown, or where what it needs is not installed."""
    if method not in _ESTIMATORS:
        raise FlowError(f"there is no flow method {method!r}", f"take one of {', '.join(METHODS)}")
    _ESTIMATORS[method].check()


def estimate_flow(a: np.ndarray, b: np.ndarray, method: str = "dis-medium") -> np.ndarray:
    """Flow a→b as float32 `(2, H, W)` in pixels, from two RGB uint8 frames `(H, W, 3)` of one size.

    OpenCV's implementations with their defaults: DIS (Kroeger et al., ECCV 2016), Farneback (SCIA 2003), dual TV-L1
    (Zach et al., DAGM 2007), DeepFlow (Weinzaepfel et al., ICCV 2013), PCAFlow (Wulff and Black, CVPR 2015; zero for
    frames of one color), DenseRLOF (Geistert et al., CVPRW 2016); torchvision's RAFT (Teed and Deng, ECCV 2020).
    May be called from several threads. Raises `FlowError` for an unknown or missing method, and for frames that do
    not pair, are not RGB uint8, or are smaller than the method can take. `dis` is `dis-medium`.

    >>> import numpy as np
    >>> import reconet_cli as reconet
    >>> frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    >>> reconet.estimate_flow(frame, frame, method="dis").shape
    (2, 64, 64)
    """
    method = _SHORT.get(method, method)
    if method not in _ESTIMATORS:
        check_method(method)
    estimator = _ESTIMATORS[method]
    check_pair(a, b)
    height, width = a.shape[:2]
    if min(height, width) < estimator.smallest:
        raise FlowError(
            f"{method} needs frames of {estimator.smallest} px or more on the shorter side, not {width}x{height}",
            "enlarge them, or take another method" if min(height, width) >= 16 else "enlarge them",
        )
    try:
        return estimator.run(a, b)
    except cv2.error as problem:
        raise FlowError(f"{method} failed on this pair: {problem.err}", "take another method") from problem


def check_pair(a: np.ndarray, b: np.ndarray) -> None:
    """Raise `FlowError` unless both are RGB uint8 frames `(H, W, 3)` of one size."""
    for name, frame in (("first", a), ("second", b)):
        if frame is None:
            raise FlowError(f"the {name} frame is missing", "flow needs a pair of frames")
        if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            what = f"{frame.shape} of {frame.dtype}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise FlowError(f"the {name} frame is not RGB (height, width, 3) of uint8, but {what}")
    if a.shape != b.shape:
        sizes = " and ".join(f"{frame.shape[1]}x{frame.shape[0]}" for frame in (a, b))
        raise FlowError(f"the frames differ in size: {sizes}", "both must be of one size")
