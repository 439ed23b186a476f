"""Color, depth, transparency and shape: what goes in comes out, through a network that changes nothing."""

import struct
from fractions import Fraction

import cv2
import numpy as np
import pytest
from conftest import SOFT
from identity import paint

from reconet_cli.errors import MediaError

QUICK = ("-c:v", "libx264", "-preset", "ultrafast")


def raw(tools, path, pixel_format, kind=np.uint8, span="tv"):
    """The frames' stored values in a pixel format, in one row; `span` is the range that they have and keep."""
    said = tools.run("-noautorotate", "-i", f"file:{path}", "-map", "0:V:0", "-fps_mode", "passthrough",
                     "-vf", f"scale=in_range={span}:out_range={span},format={pixel_format}",
                     "-f", "rawvideo", "-").stdout  # fmt: skip
    return np.frombuffer(said, kind)


@pytest.mark.parametrize(
    ("matrix", "short", "span", "pixel_format"),
    [("bt709", "bt709", "tv", "yuv420p10le"), ("bt709", "bt709", "pc", "yuv444p10le"),
     ("smpte170m", "bt601", "tv", "yuv444p10le"), ("smpte170m", "bt601", "pc", "yuv420p10le"),
     ("bt2020nc", "bt2020", "tv", "yuv420p10le"), ("bt2020nc", "bt2020", "pc", "yuv444p10le")],
)  # fmt: skip
def test_ten_bits_stay_ten_bits(tools, tmp_path, matrix, short, span, pixel_format):
    primaries = {"bt2020nc": "bt2020"}.get(matrix, matrix)
    transfer = {"bt2020nc": "bt2020-10"}.get(matrix, matrix)
    source = tools.clip(
        f"{matrix}-{span}-{pixel_format}.mp4", seconds=0.2, sound=(),
        filters=f"{SOFT},format=yuv444p16,scale=out_color_matrix={short}:out_range={span},format={pixel_format},"
        f"setparams=range={span}:colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}",
        options=(*QUICK, "-crf", "1", "-colorspace", matrix, "-color_primaries", primaries, "-color_trc", transfer,
                 "-color_range", span),
    )  # fmt: skip
    target = tmp_path / "out.mp4"
    assert paint(source, target, crf=1) == []
    before, after = tools.info(source).video, tools.info(target).video
    assert after.pixel_format == "yuv420p10le"
    assert after.color == before.color
    theirs = raw(tools, source, "yuv420p10le", np.uint16, span)
    ours = raw(tools, target, "yuv420p10le", np.uint16, span)
    difference = ours.astype(int) - theirs
    assert np.abs(difference).mean() <= 2
    assert abs(difference.mean()) < 0.5


def test_network_sees_more_than_eight_bits(tools, tmp_path):
    # A ramp of 64 ten-bit steps has 16 eight-bit ones; both must be right in place, not padded.
    source = tools.clip(
        "ramp.mkv", size="512x16", seconds=0.2, sound=(),
        filters="format=yuv420p10le,geq=lum='256+floor(X/8)':cb=512:cr=512,"
        "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
        options=(*QUICK, "-qp", "0"),
    )  # fmt: skip
    seen = []

    def network(frame):
        seen.append(frame)
        return frame

    paint(source, tmp_path / "out.mkv", network=network, crf=0)
    assert seen[0].dtype == np.uint16
    row = seen[0][8, 4::8].astype(float).mean(axis=1)
    expected = (256 + np.arange(64) - 64) / 876 * 65535
    step = 65535 / 876
    assert np.abs(row - expected).max() <= step
    assert np.abs(np.diff(row) - step).max() < step / 4
    luma = raw(tools, tmp_path / "out.mkv", "yuv420p10le", np.uint16).reshape(-1, 24, 512)
    assert np.abs(luma[0, 8, 4::8].astype(int) - (256 + np.arange(64))).max() <= 1


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("a.mp4", "libx265", "yuv420p10le"), ("a.webm", None, "yuv420p10le"), ("a.mov", "prores_ks", "yuv422p10le"),
     ("a.avi", "mpeg4", "yuv420p"), ("a.gif", None, "bgra")],
)  # fmt: skip
def test_depth_by_encoder(tools, tmp_path, name, codec, pixel_format):
    source = tools.clip("ten.mp4", seconds=0.2, sound=(), options=(*QUICK, "-pix_fmt", "yuv420p10le"))
    notes = paint(source, tmp_path / name, codec=codec)
    assert tools.info(tmp_path / name).video.pixel_format == pixel_format
    assert any("keeps 8" in note for note in notes) == (pixel_format in ("yuv420p", "bgra"))


def hdr_to_sdr(signal, kind):
    """The same road from non-linear HDR RGB to SDR as the filters', from the standards' formulas in float64."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875

    def inverse(nits):
        power = (nits / 10_000) ** m1
        return ((c1 + c2 * power) / (1 + c3 * power)) ** m2

    def light(pq):
        power = pq ** (1 / m2)
        return 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)

    nits = light(signal)
    if kind == "arib-std-b67":
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        nits = 1000 * scene * (scene @ [0.2627, 0.6780, 0.0593])[..., None] ** 0.2
    e1 = np.minimum(inverse(nits) / inverse(1000), 1)
    most = inverse(203) / inverse(1000)
    knee = 1.5 * most - 0.5
    t = (e1 - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    shown = light(np.where(e1 < knee, e1, spline) * inverse(1000)) / 203
    to_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    return np.clip(np.clip(shown, 0, 1) @ to_709.T, 0, 1) ** (1 / 2.4)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_tone_mapped_and_said(tools, tmp_path, transfer):
    source = tools.clip(
        f"{transfer}.mp4", seconds=0.2, sound=(), size="128x64",
        filters="format=gbrp16le,geq=r='65535*X/W':g='65535*Y/H':b='65535*(X+Y)/(W+H)',"
        "scale=out_color_matrix=bt2020:out_range=tv,format=yuv444p10le,"
        f"setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}",
        options=("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:lossless=1",
                 "-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", transfer),
    )  # fmt: skip
    seen = []

    def network(frame):
        seen.append(frame)
        return frame

    target = tmp_path / "out.mp4"
    notes = paint(source, target, network=network)
    assert any("tone-mapped" in note for note in notes)
    color = tools.info(target).video.color
    assert (color.matrix, color.primaries, color.transfer, color.full) == ("bt709", "bt709", "bt709", False)
    assert tools.info(target).video.pixel_format == "yuv420p10le"
    y, x = np.mgrid[0:64, 0:128]
    expected = hdr_to_sdr(np.stack([x / 128, y / 64, (x + y) / 192], -1), transfer) * 255
    gap = np.abs(seen[0] / 257 - expected)
    # One step of a ten-bit signal is about half a code value, and one in the gamut's corners several.
    assert gap.mean() < 0.8
    assert np.quantile(gap, 0.99) < 3
    with pytest.raises(MediaError, match="high dynamic range"):
        paint(source, tmp_path / "no.mp4", hdr="reject")
    assert not (tmp_path / "no.mp4").exists()


def combed(tools, name, order, real):
    """A bar that moves 4 pixels a field; woven into frames as `order` says, or (not `real`) only marked so."""
    weave = f"tinterlace=mode=interleave_{'top' if order == 'tff' else 'bottom'},fieldorder={order}" if real else "null"
    return tools.clip(
        name, sound=(), seconds=1, rate="50" if real else "25",
        filters=f"format=yuv420p,geq=lum='if(between(mod(X-N*4,96),0,20),220,40)':cb=128:cr=128,{weave},"
        f"setfield={order},format=yuv420p",
        options=(*QUICK, "-crf", "4", "-flags", "+ildct", "-x264-params", f"{order}=1"),
    )  # fmt: skip


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_is_deinterlaced_and_said(tools, tmp_path, order):
    source = combed(tools, f"{order}.mkv", order, real=True)
    assert tools.info(source).video.interlaced

    def comb(path):
        luma = tools.planes(path)[0].astype(int)
        return np.abs(luma[5:-5, 1:-1:2] * 2 - luma[5:-5, :-2:2] - luma[5:-5, 2::2]).mean()

    notes = paint(source, tmp_path / "out.mp4", crf=4)
    assert any("deinterlaced" in note for note in notes)
    assert len(tools.times(tmp_path / "out.mp4")) == 25
    assert comb(source) > 20
    assert comb(tmp_path / "out.mp4") < 4


def test_whole_frames_that_are_marked_interlaced_stay_as_they_are(tools, tmp_path):
    source = combed(tools, "whole.mkv", "tff", real=False)
    assert tools.info(source).video.interlaced
    assert paint(source, tmp_path / "out.mp4", crf=4) == []


TRANSPARENT = f"{SOFT},format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(X,W/2),0,255)'"


@pytest.mark.parametrize(("name", "codec"), [("a.webm", None), ("a.mov", None), ("a.apng", None), ("a.gif", None)])
def test_transparent_video_stays_transparent(tools, tmp_path, name, codec):
    source = tools.clip(
        "clear.mov", seconds=0.2, sound=(), filters=TRANSPARENT,
        options=("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"),
    )  # fmt: skip
    target = tmp_path / name
    notes = paint(source, target, codec=codec, network=lambda pixels: np.iinfo(pixels.dtype).max - pixels)
    assert not any("opaque" in note for note in notes)
    video = tools.info(target).video
    assert video.alpha
    decoder = ["-c:v", video.decoder] if video.decoder else []
    shown = tools.run(*decoder, "-i", target, "-fps_mode", "passthrough", "-pix_fmt", "rgba", "-f", "rawvideo", "-")
    frames = np.frombuffer(shown.stdout, np.uint8).reshape(-1, 64, 96, 4)
    assert len(frames) == 5
    assert frames[:, :, :46, 3].mean() < 4
    assert frames[:, :, 50:, 3].mean() > 251
    if name == "a.webm":  # and again, from what needs a decoder of its own
        paint(target, tmp_path / "b.apng")
        again = tools.run("-i", tmp_path / "b.apng", "-frames:v", "1", "-pix_fmt", "rgba", "-f", "rawvideo", "-")
        assert np.frombuffer(again.stdout, np.uint8).reshape(64, 96, 4)[:, :46, 3].mean() < 4


def test_transparency_that_cannot_be_kept_is_said(tools, tmp_path):
    source = tools.clip(
        "clear.mov", seconds=0.2, sound=(), filters=TRANSPARENT,
        options=("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"),
    )  # fmt: skip
    notes = paint(source, tmp_path / "out.mp4")
    assert any("opaque" in note and "libx264" in note for note in notes)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
@pytest.mark.parametrize("sixteen_bit", [False, True])
def test_transparent_picture(tools, tmp_path, suffix, sixteen_bit):
    source = tmp_path / "in.png"
    tools.run("-f", "lavfi", "-i", f"testsrc2=size=96x64,{TRANSPARENT},format={'rgba64be' if sixteen_bit else 'rgba'}",
              "-frames:v", "1", "-update", "1", source)  # fmt: skip
    target = tmp_path / f"out.{suffix}"
    paint(source, target, network=lambda pixels: np.iinfo(pixels.dtype).max - pixels)
    assert tools.info(target).video.alpha
    assert ("64" in tools.info(target).video.pixel_format) == (sixteen_bit and suffix != "webp")
    seen = [np.frombuffer(tools.run("-i", path, "-pix_fmt", "rgba", "-f", "rawvideo", "-").stdout, np.uint8)
            .reshape(64, 96, 4).astype(int) for path in (source, target)]  # fmt: skip
    assert np.abs(seen[0][..., 3] - seen[1][..., 3]).mean() < 2
    inverted = np.abs(255 - seen[0][:, 50:, :3] - seen[1][:, 50:, :3]).mean()
    assert inverted <= (4 if suffix == "webp" else 1)


def matrix_in(source, target, matrix):
    """A copy of an mp4 with this display matrix (a, b, c, d) in its video track."""
    content = bytearray(source.read_bytes())
    at = content.index(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = (value << 16 for value in matrix)
    content[at : at + 20] = struct.pack(">iiiii", a, b, 0, c, d)
    target.write_bytes(content)
    return target


@pytest.fixture(scope="module")
def plain_frames(tools, tmp_path_factory):
    """The frames of the clip as they are painted."""
    seen, target = [], tmp_path_factory.mktemp("plain") / "out.mp4"
    paint(tools.clip(), target, network=lambda frame: seen.append(frame) or frame, ffmpeg=tools.ffmpeg)
    return seen


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda p: p[::-1, ::-1].transpose(1, 0, 2)),
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    ],
    ids=["mirrored", "upside down", "transposed", "anti-transposed", "turned"],
)
def test_mirrored_by_display_matrix(plain_frames, clip, tmp_path, matrix, expected):
    seen = []
    mirrored = matrix_in(clip, tmp_path / "mirrored.mp4", matrix)
    paint(mirrored, tmp_path / "out.mp4", network=lambda frame: seen.append(frame) or frame)
    upright = expected(plain_frames[3])
    assert seen[3].shape == upright.shape
    assert np.abs(seen[3].astype(int) - upright).mean() < 1  # chroma is interpolated on the other side


def exif(orientation):
    """An APP1 segment with nothing but an orientation."""
    tiff = b"MM\x00\x2a\x00\x00\x00\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\x00\x00" + tiff


@pytest.fixture(scope="module")
def photograph(tools, tmp_path_factory):
    """The bytes of a JPEG file without an orientation, and its pixels as they are painted."""
    folder = tmp_path_factory.mktemp("photograph")
    tools.run("-f", "lavfi", "-i", f"testsrc2=size=97x64,{SOFT}", "-frames:v", "1", "-update", "1", "-q:v", "1",
              "-pix_fmt", "yuvj444p", folder / "plain.jpg")  # fmt: skip
    paint(folder / "plain.jpg", folder / "plain.png", ffmpeg=tools.ffmpeg)
    return (folder / "plain.jpg").read_bytes(), cv2.imread(str(folder / "plain.png"))


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (2, lambda p: p[:, ::-1]),
        (3, lambda p: p[::-1, ::-1]),
        (4, lambda p: p[::-1]),
        (5, lambda p: p.transpose(1, 0, 2)),
        (6, lambda p: np.rot90(p, -1)),
        (7, lambda p: p[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda p: np.rot90(p)),
    ],
)
def test_orientation_of_photographs(photograph, tmp_path, orientation, expected):
    plain, stored = photograph
    (tmp_path / "in.jpg").write_bytes(plain[:2] + exif(orientation) + plain[2:])
    paint(tmp_path / "in.jpg", tmp_path / "out.png")
    assert np.array_equal(cv2.imread(str(tmp_path / "out.png")), expected(stored))


@pytest.mark.parametrize("name", ["gray.png", "gray.jpg", "gray.mkv"])
def test_gray(tools, tmp_path, name):
    ramp = np.tile(np.linspace(0, 255, 128), (32, 1))
    source = tmp_path / name
    if name == "gray.mkv":
        stored = np.round(16 + ramp / 255 * 219).astype(np.uint8)
        tools.run("-f", "rawvideo", "-pix_fmt", "gray", "-s", "128x32", "-color_range", "tv", "-i", "-",
                  "-c:v", "ffv1", "-pix_fmt", "gray", "-color_range", "tv", source,
                  stdin=stored.tobytes() * 5)  # fmt: skip
    else:
        cv2.imwrite(str(source), np.round(ramp).astype(np.uint8))
    assert tools.info(source).video.pixel_format == "gray"
    seen = []
    paint(source, tmp_path / ("out.mkv" if name == "gray.mkv" else "out.png"),
          network=lambda frame: seen.append(frame) or frame)  # fmt: skip
    assert np.abs(seen[0] - ramp[..., None]).mean() < 1.2


def test_ntsc_dv_shape(tools, tmp_path):
    # Non-square pixels, interlaced marks, bt601 and 4:1:1 at once, as tapes give them.
    source = tools.clip("tape.avi", size="720x480", rate="30000/1001", seconds=0.2, sound=(),
                        filters=f"{SOFT},format=yuv411p,setsar=8/9", options=("-c:v", "dvvideo"))  # fmt: skip
    paint(source, tmp_path / "out.mp4")
    assert tools.info(tmp_path / "out.mp4").video.aspect == Fraction(8, 9)
