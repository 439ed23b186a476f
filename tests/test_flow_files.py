"""Flow files: every format against bytes made by hand, round trips, and what damaged and hostile files give."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reconet_cli.errors import FlowError
from reconet_cli.flow.files import read_flow, write_flow

SUFFIXES = (".flo", ".pfm", ".png", ".npz")
# Two rows of three pixels; the last of the first row is unknown.
FLOW = np.array([[[1, -2.5, 7], [0, 100, -0.25]], [[3, 0.5, 7], [-64, 0, 12]]], np.float32)
KNOWN = np.array([[True, True, False], [True, True, True]])
BLANKED = np.where(KNOWN, FLOW, 0)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, rows, depth=16, colors=2):
    header = struct.pack(">IIBBBBB", width, height, depth, colors, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def by_hand(suffix):
    """FLOW and KNOWN as the format's description says, one value at a time."""
    pixels = [[(FLOW[0, y, x], FLOW[1, y, x], KNOWN[y, x]) for x in range(3)] for y in range(2)]
    if suffix == ".flo":
        values = [v for row in pixels for u, w, known in row for v in ((u, w) if known else (1e10, 1e10))]
        return struct.pack("<fii12f", 202021.25, 3, 2, *values)
    if suffix == ".pfm":
        nan = float("nan")
        values = [v for row in pixels[::-1] for u, w, known in row for v in ((u, w, 0) if known else (nan, nan, 0))]
        return b"PF\n3 2\n-1.0\n" + struct.pack("<18f", *values)
    rows = [
        b"".join(struct.pack(">HHH", *((int(u * 64) + 32768, int(w * 64) + 32768, 1) if known else (0, 0, 0)))
                 for u, w, known in row)
        for row in pixels
    ]  # fmt: skip
    return png(3, 2, rows)


@pytest.mark.parametrize("suffix", [".flo", ".pfm", ".png"])
def test_bytes_made_by_hand_are_read(tmp_path, suffix):
    path = tmp_path / f"flow{suffix}"
    path.write_bytes(by_hand(suffix))
    flow, known = read_flow(path)
    assert flow.dtype == np.float32
    assert known.dtype == bool
    np.testing.assert_array_equal(flow, BLANKED)
    np.testing.assert_array_equal(known, KNOWN)


@pytest.mark.parametrize("suffix", [".flo", ".pfm"])
def test_written_bytes_are_the_formats_own(tmp_path, suffix):
    path = tmp_path / f"flow{suffix}"
    write_flow(path, FLOW, KNOWN)
    assert path.read_bytes() == by_hand(suffix)


def test_written_png_has_the_values_of_kitti(tmp_path):
    path = tmp_path / "flow.png"
    write_flow(path, FLOW, KNOWN)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]  # OpenCV gives BGR
    assert stored.dtype == np.uint16
    assert stored[0].tolist() == [[32832, 32960, 1], [32608, 32800, 1], [0, 0, 0]]
    assert stored[1].tolist() == [[32768, 28672, 1], [39168, 32768, 1], [32752, 33536, 1]]


def test_npz_has_plain_arrays(tmp_path):
    write_flow(tmp_path / "flow.npz", FLOW, KNOWN)
    with np.load(tmp_path / "flow.npz") as stored:
        np.testing.assert_array_equal(stored["flow"], BLANKED)
        np.testing.assert_array_equal(stored["known"], KNOWN)
    np.savez(tmp_path / "plain.npz", flow=FLOW.astype(np.float64))
    flow, known = read_flow(tmp_path / "plain.npz")
    assert flow.dtype == np.float32
    assert known.all()


def test_big_endian_pfm_is_read(tmp_path):
    path = tmp_path / "flow.pfm"
    path.write_bytes(b"PF 1 2 1.0\n" + struct.pack(">6f", 3, 4, 0, 1, 2, 0))
    assert read_flow(path)[0].tolist() == [[[1], [3]], [[2], [4]]]


sizes = st.tuples(st.just(2), st.integers(1, 9), st.integers(1, 9))
flows = sizes.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(-500, 500, width=32)))


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(flow=flows, data=st.data())
def test_round_trips(suffix, flow, data, tmp_path_factory):
    known = data.draw(arrays(bool, flow.shape[1:]))
    path = tmp_path_factory.mktemp("trip") / f"flow{suffix}"
    write_flow(path, flow, known)
    back, back_known = read_flow(path)
    np.testing.assert_array_equal(back_known, known)
    assert back.shape == flow.shape
    assert not back[:, ~known].any()
    # KITTI's steps are 1/64 px: rounding is off by half of one at most.
    assert np.abs(back - flow)[:, known].max(initial=0) <= (1 / 128 if suffix == ".png" else 0)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixels_without_finite_flow_are_unknown(tmp_path, suffix):
    flow = FLOW.copy()
    flow[0, 1, 1] = np.nan
    flow[1, 0, 0] = np.inf
    write_flow(tmp_path / f"flow{suffix}", flow)
    assert read_flow(tmp_path / f"flow{suffix}")[1].tolist() == [[False, True, True], [True, False, True]]


@pytest.mark.parametrize(
    ("suffix", "value"), [(".png", 512), (".png", -512.01), (".flo", 2e9), (".pfm", np.inf), (".npz", np.nan)]
)
def test_values_beyond_the_format_are_refused_and_leave_no_file(tmp_path, suffix, value):
    flow = FLOW.copy()
    flow[1, 1, 2] = value
    with pytest.raises(FlowError):
        write_flow(tmp_path / f"flow{suffix}", flow, KNOWN)
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0, 0.1, 0.5, 0.98])
def test_cut_files_are_refused(tmp_path, suffix, kept):
    path = tmp_path / f"flow{suffix}"
    write_flow(path, np.arange(2 * 20 * 30, dtype=np.float32).reshape(2, 20, 30) % 97)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(FlowError, match=f"flow{suffix}"):
        read_flow(path)


@pytest.mark.parametrize("suffix", [".png", ".npz"])
def test_flipped_bytes_are_noticed(tmp_path, suffix):
    path = tmp_path / f"flow{suffix}"
    write_flow(path, np.arange(2 * 20 * 30, dtype=np.float32).reshape(2, 20, 30) % 97)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(FlowError, match="damaged"):
        read_flow(path)


def hostile():
    huge = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    return {
        "huge.flo": b"PIEH" + huge + bytes(64),
        "negative.flo": b"PIEH" + struct.pack("<ii", -4, -4) + bytes(128),
        "long.flo": by_hand(".flo") + b"\0",
        "foreign.flo": b"GIF89a" + bytes(64),
        "huge.pfm": b"PF\n999999999 999999999\n-1.0\n" + bytes(64),
        "empty.pfm": b"PF\n0 0\n-1.0\n",
        "disparity.pfm": b"Pf\n1 1\n-1.0\n" + bytes(4),
        "unscaled.pfm": b"PF\n1 1\n-.-\n" + bytes(12),
        "huge.png": png(60000, 60000, [bytes(6)]),
        "eight.png": png(1, 1, [bytes(3)], depth=8),
        "gray.png": png(1, 1, [bytes(2)], colors=0),
        "short.png": png(3, 2, [bytes(6)]),
        "foreign.png": b"\xff\xd8\xff" + bytes(64),
        "foreign.npz": b"PK\x03\x04" + bytes(64),
        "text.npz": b"hello",
    }


@pytest.mark.parametrize("name", hostile())
def test_foreign_and_hostile_files_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(hostile()[name])
    with pytest.raises(FlowError, match=name):
        read_flow(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [
        {"other": FLOW},
        {"flow": FLOW[0]},
        {"flow": FLOW.astype(np.int32)},
        {"flow": FLOW, "known": KNOWN[:1]},
        {"flow": np.array([{"code": "to run"}], object)},
    ],
)
def test_archives_of_something_else_are_refused(tmp_path, content):
    np.savez(tmp_path / "flow.npz", **content)
    with pytest.raises(FlowError, match=r"flow\.npz"):
        read_flow(tmp_path / "flow.npz")


def test_names_that_say_no_format_and_missing_files(tmp_path):
    for path in (tmp_path / "flow.txt", tmp_path / "missing.flo", tmp_path):
        with pytest.raises(FlowError):
            read_flow(path)
    with pytest.raises(FlowError, match="ending"):
        write_flow(tmp_path / "flow", FLOW)
    with pytest.raises(FlowError, match="cannot write"):
        write_flow(tmp_path / "no" / "folder.flo", FLOW)
