"""Pictures that are turned, have a color profile or are made of inks: painted as every viewer shows them."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from identity import paint
from photographs import heic
from PIL import Image, ImageCms

from reconet_cli.errors import MediaError
from reconet_cli.system.pictures import read_rgb
from reconet_cli.system.standard_picture import standard

CORNERS = np.zeros((24, 40, 3), np.uint8)
CORNERS[:12, :20], CORNERS[:12, 20:], CORNERS[12:, :20] = (250, 10, 10), (10, 250, 10), (10, 10, 250)


def wide_profile() -> bytes:
    """An ICC profile with the primaries of Display P3 and a gamma of 2.2."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    name = b"Wide"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + b"\0" * 79,
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"rXYZ": xyz(0.5151, 0.2412, -0.0011),
        b"gXYZ": xyz(0.2919, 0.6922, 0.0419),
        b"bXYZ": xyz(0.1571, 0.0666, 0.7841),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        padded = data + b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", tag, start + len(body), len(data))
        body += padded
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def save(path, pixels, orientation=1, profile=b"", **more):
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = orientation
    more |= {".webp": {"lossless": True}, ".avif": {"quality": 100, "speed": 10}}.get(path.suffix, {})
    picture.save(path, exif=exif, icc_profile=profile or None, **more)
    return path


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif"])
def test_turned_and_mirrored(tools, tmp_path, suffix):
    source = save(tmp_path / f"in{suffix}", CORNERS, orientation=7)
    expected = CORNERS[::-1, ::-1].transpose(1, 0, 2)
    paint(source, tmp_path / "out.png")
    for made in (tools.pixels(tmp_path / "out.png")[0], read_rgb(source, MediaError)):  # the second as a style picture
        assert made.shape == expected.shape
        assert np.abs(made.astype(int) - expected).mean() < (8 if suffix == ".avif" else 0.01)


def test_a_photograph_of_tiles(tools, tmp_path):
    pytest.importorskip("pi_heif")
    shown = np.kron(CORNERS[::24, ::40], np.ones((32, 64, 1), np.uint8))
    shown[16:, 32:] = (10, 250, 10)
    folder = tmp_path / "in"
    folder.mkdir()
    data = heic(tools, tmp_path, shown, 32, turns=1, mirror=0)
    (folder / "a.heic").write_bytes(data)
    (folder / "b.HEIC").write_bytes(data)
    paint(folder / "a.heic", tmp_path / "out.png")
    paint(folder, tmp_path / "out.mkv")
    expected = np.rot90(shown)[::-1].astype(int)
    assert np.abs(tools.pixels(tmp_path / "out.png")[0] - expected).mean() < 3
    assert np.abs(tools.pixels(tmp_path / "out.mkv") - expected).mean() < 12
    (folder / "b.HEIC").write_bytes(data[: len(data) // 2])
    for damaged in (folder, folder / "b.HEIC"):
        with pytest.raises(MediaError, match=r"b\.HEIC is an AVIF or HEIC picture that cannot be read"):
            paint(damaged, tmp_path / "no.png")


def test_sixteen_bits_stay_when_turned(tools, tmp_path):
    deep = np.random.default_rng(1).integers(0, 65536, (6, 10, 3), np.uint16)
    plain = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
    tiff = b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x112, 3, 1, 6, 0) + b"\0" * 4
    chunk = struct.pack(">I", len(tiff)) + b"eXIf" + tiff + struct.pack(">I", zlib.crc32(b"eXIf" + tiff))
    (tmp_path / "in.png").write_bytes(plain[:33] + chunk + plain[33:])
    paint(tmp_path / "in.png", tmp_path / "out.png")
    made = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert np.array_equal(made, np.rot90(deep, -1))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_colors_are_converted_to_srgb_once_and_that_is_said(tools, tmp_path, suffix):
    red = np.full((16, 24, 3), (234, 51, 35), np.uint8)  # what pure sRGB red is in Display P3
    source = save(tmp_path / f"in{suffix}", red, profile=wide_profile(), orientation=6)
    notes = paint(source, tmp_path / "out.png")
    made = tools.pixels(tmp_path / "out.png")[0]
    assert made.shape == (24, 16, 3)
    assert made[..., 0].min() > 248
    assert made[..., 1:].max() < 16
    assert any("profile (Wide) is converted to sRGB" in note for note in notes)
    assert np.abs(read_rgb(source, MediaError).astype(int) - made).max() <= 4


def test_opacity_goes_along_with_converted_colors(tmp_path):
    clear = np.dstack([CORNERS, np.arange(960, dtype=np.uint16).reshape(24, 40).astype(np.uint8)])
    made = standard(save(tmp_path / "in.png", clear, profile=wide_profile()).read_bytes())
    assert np.array_equal(made.pixels[..., 3], clear[..., 3])
    assert not np.array_equal(made.pixels[..., :3], CORNERS)


def test_srgb_and_broken_profiles_change_nothing(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert standard(save(tmp_path / "a.png", CORNERS, profile=srgb).read_bytes()) is None
    broken = standard(save(tmp_path / "b.png", CORNERS, profile=wide_profile()[:200]).read_bytes())
    assert np.array_equal(broken.pixels, CORNERS)
    assert "left out" in broken.changes[0]


def test_inks_are_never_transparent(tools, tmp_path):
    Image.fromarray(CORNERS).convert("CMYK").save(tmp_path / "in.jpg", quality=98)
    notes = paint(tmp_path / "in.jpg", tmp_path / "out.png")
    made = tools.pixels(tmp_path / "out.png")[0].astype(int)
    assert np.abs(made - CORNERS).mean() < 12
    assert not any("transparent" in note for note in notes)
    assert tools.info(tmp_path / "out.png").video.pixel_format == "rgb24"


@pytest.mark.parametrize("cut", [40, 200])
def test_a_damaged_picture_is_left_to_its_reader(tmp_path, cut):
    buffer = io.BytesIO()
    Image.fromarray(CORNERS).save(buffer, "TIFF")
    assert standard(buffer.getvalue()[:cut]) is None


def test_a_folder_of_several_kinds(tools, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    save(folder / "1.png", CORNERS)
    save(folder / "2.jpg", CORNERS, quality=98)
    save(folder / "3.webp", np.ascontiguousarray(CORNERS.transpose(1, 0, 2)), orientation=5)
    notes = paint(folder, tmp_path / "out.mkv")
    seen = tools.pixels(tmp_path / "out.mkv").astype(int)
    assert len(seen) == 3
    assert all(np.abs(frame - CORNERS).mean() < 12 for frame in seen)
    assert any("1 picture: it is turned upright" in note for note in notes)
