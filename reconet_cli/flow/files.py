"""Flow files: Middlebury `.flo`, Scene Flow `.pfm`, KITTI 16-bit `.png` and `.npz`, chosen by the name's ending.

Everywhere a flow is float32 `(2, H, W)` in pixels, x first, and `known` is bool `(H, W)`. How unknown pixels are kept:

- `.flo`: both components are 1e10; above 1e9, infinite or NaN is unknown on the way in (Baker et al., IJCV 2011).
- `.pfm`: three channels (x, y, 0), rows bottom-up, little endian; unknown is NaN. The data sets know every pixel.
- `.png`: 16-bit (64x + 2^15, 64y + 2^15, valid), steps of 1/64 px within [-512, 512) (KITTI 2012 and 2015 devkits).
- `.npz`: arrays `flow` (0 where unknown) and `known`; `known` may be missing from foreign ones.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from reconet_cli.errors import FlowError
from reconet_cli.system.files import replacing

_FLO_TAG = b"PIEH"  # 202021.25 as a little-endian float
_FLO_UNKNOWN = 1e10
_FLO_LARGEST = 1e9
_PFM_HEADER = re.compile(rb"(P[Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+.\deE]{1,40})(?:\r\n|\s)")
_KITTI_STEPS = 64
_KITTI_ZERO = 1 << 15
# Compressed files can promise any size; twice an 8K frame is more than anyone has.
_MOST_PIXELS = 1 << 26


def read_flow(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Flow float32 `(2, H, W)` in pixels, and which pixels are known, bool `(H, W)`; unknown ones are 0.

    Raises `FlowError` for a missing, foreign, truncated or absurd file.
    """
    reader, _ = _format(path)
    if not path.is_file():
        raise FlowError(f"{path}: there is no such file", "check the name")
    try:
        flow, known = reader(path)
    except OSError as problem:
        raise FlowError(f"cannot read {path}: {problem.strerror or problem}") from problem
    known = known & np.isfinite(flow).all(0)
    return np.where(known, flow, np.float32(0)), known


def write_flow(path: Path, flow: np.ndarray, known: np.ndarray | None = None) -> None:
    """Write a flow `(2, H, W)`; `known` is bool `(H, W)`, by default where the flow is finite.

    The file appears under its name when it is complete. Raises `FlowError` for values that the format cannot hold
    (known pixels that are not finite, from 1e9 px in `.flo`, outside [-512, 512) px in `.png`) and where it cannot
    be written.
    """
    _, writer = _format(path)
    flow = np.asarray(flow, np.float32)
    if flow.ndim != 3 or flow.shape[0] != 2 or 0 in flow.shape:
        raise FlowError(f"{path}: a flow is (2, H, W), not {flow.shape}")
    known = np.isfinite(flow).all(0) if known is None else np.asarray(known, bool)
    if known.shape != flow.shape[1:]:
        raise FlowError(f"{path}: flow {flow.shape} and known pixels {known.shape} differ in size")
    if not np.isfinite(flow[:, known]).all():
        raise FlowError(f"{path}: known pixels have no finite flow")
    flow = np.where(known, flow, np.float32(0))
    with replacing(path, FlowError, durable=False) as part:
        writer(part, flow, known)


def _truncated(path: Path) -> FlowError:
    return FlowError(f"{path} is damaged or cut off", "make it or copy it again")


def _foreign(path: Path, kind: str) -> FlowError:
    return FlowError(f"{path} is no {kind}", "flow files are .flo, .pfm, KITTI's 16-bit .png and .npz")


def _values(path: Path, file: BinaryIO, dtype: str, shape: tuple[int, int, int]) -> np.ndarray:
    """The rest of a file, which must be exactly so many 4-byte values."""
    start = file.tell()
    if path.stat().st_size - start != 4 * shape[0] * shape[1] * shape[2] or 0 in shape:
        raise _truncated(path)
    return np.frombuffer(file.read(), dtype).reshape(shape).astype(np.float32)


def _read_flo(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with path.open("rb") as file:
        header = file.read(12)
        if header[:4] != _FLO_TAG:
            raise _foreign(path, "Middlebury flow file")
        if len(header) < 12:
            raise _truncated(path)
        width, height = struct.unpack("<ii", header[4:])
        if width < 1 or height < 1:
            raise _truncated(path)
        flow = _values(path, file, "<f4", (height, width, 2)).transpose(2, 0, 1)
    return flow, (np.abs(flow) <= _FLO_LARGEST).all(0)


def _write_flo(path: Path, flow: np.ndarray, known: np.ndarray) -> None:
    if np.abs(flow).max() > _FLO_LARGEST:
        raise FlowError(f"{path}: .flo takes flows above 1e9 px for unknown")
    height, width = known.shape
    values = np.where(known, flow, np.float32(_FLO_UNKNOWN)).transpose(1, 2, 0)
    path.write_bytes(_FLO_TAG + struct.pack("<ii", width, height) + values.astype("<f4").tobytes())


def _read_pfm(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with path.open("rb") as file:
        header = _PFM_HEADER.match(file.read(128))
        if header is None or header[1] != b"PF":
            raise _foreign(path, "PFM flow file (three channels)")
        try:
            order = "<" if float(header[4]) < 0 else ">"
        except ValueError:
            raise _foreign(path, "PFM flow file (three channels)") from None
        file.seek(header.end())
        flow = _values(path, file, f"{order}f4", (int(header[3]), int(header[2]), 3))[::-1, :, :2].transpose(2, 0, 1)
    return flow, np.isfinite(flow).all(0)


def _write_pfm(path: Path, flow: np.ndarray, known: np.ndarray) -> None:
    height, width = known.shape
    values = np.zeros((height, width, 3), "<f4")
    values[..., :2] = np.where(known, flow, np.float32("nan")).transpose(1, 2, 0)[::-1]
    path.write_bytes(b"PF\n%d %d\n-1.0\n" % (width, height) + values.tobytes())


def _read_png(path: Path) -> tuple[np.ndarray, np.ndarray]:
    data = path.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise _foreign(path, "PNG")
    if len(data) < 33:
        raise _truncated(path)
    width, height, depth, colors = struct.unpack(">IIBB", data[16:26])
    if (depth, colors) != (16, 2):
        raise _foreign(path, "KITTI flow (a PNG with three channels of 16 bits)")
    if not 0 < width * height <= _MOST_PIXELS or not _is_whole_png(data):
        raise _truncated(path)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.shape != (height, width, 3) or picture.dtype != np.uint16:
        raise _truncated(path)
    flow = (picture[..., :0:-1].astype(np.float32) - _KITTI_ZERO) / _KITTI_STEPS
    return flow.transpose(2, 0, 1), picture[..., 0] > 0


def _is_whole_png(data: bytes) -> bool:
    """True where every chunk's checksum holds up to the last: OpenCV shows gray for what is damaged or missing."""
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return False
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def _write_png(path: Path, flow: np.ndarray, known: np.ndarray) -> None:
    steps = np.rint(flow.astype(np.float64) * _KITTI_STEPS) + _KITTI_ZERO
    if steps.min() < 0 or steps.max() > 0xFFFF:
        raise FlowError(f"{path}: KITTI's PNG holds flows within [-512, 512) px", "write .flo, .pfm or .npz")
    valid = np.stack([known, *np.where(known, steps, 0)[::-1]], axis=-1)
    done, data = cv2.imencode(".png", valid.astype(np.uint16))
    if not done:
        raise FlowError(f"{path}: OpenCV cannot write a PNG of {flow.shape[2]}x{flow.shape[1]}")
    path.write_bytes(data.tobytes())


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > 32 * _MOST_PIXELS:
                raise _truncated(path)
        with np.load(path, allow_pickle=False) as arrays:
            flow = arrays["flow"]
            known = arrays["known"] if "known" in arrays else np.ones(flow.shape[1:], bool)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, MemoryError, NotImplementedError) as problem:
        raise _truncated(path) from problem
    except KeyError as problem:
        raise _foreign(path, "flow archive (it has no array named flow)") from problem
    if flow.ndim != 3 or flow.shape[0] != 2 or flow.dtype.kind != "f" or known.shape != flow.shape[1:]:
        raise _foreign(path, f"flow archive (flow {flow.shape} of {flow.dtype}, known {known.shape})")
    return flow.astype(np.float32), known.astype(bool)


def _write_npz(path: Path, flow: np.ndarray, known: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, flow=flow, known=known)


_Format = tuple[
    Callable[[Path], tuple[np.ndarray, np.ndarray]],
    Callable[[Path, np.ndarray, np.ndarray], None],
]
_FORMATS: dict[str, _Format] = {
    ".flo": (_read_flo, _write_flo),
    ".pfm": (_read_pfm, _write_pfm),
    ".png": (_read_png, _write_png),
    ".npz": (_read_npz, _write_npz),
}
FLOW_SUFFIXES = tuple(_FORMATS)


def check_flow_name(path: Path) -> None:
    """Raise `FlowError` where a name's ending is none of a flow file."""
    if path.suffix.lower() not in _FORMATS:
        raise FlowError(f"{path} has no ending of a flow file", f"take one of {' '.join(FLOW_SUFFIXES)}")


def _format(path: Path) -> _Format:
    check_flow_name(path)
    return _FORMATS[path.suffix.lower()]
