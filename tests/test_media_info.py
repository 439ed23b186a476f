"""Reading ffmpeg's description of an input: lines as both supported generations print them."""

from fractions import Fraction

import pytest

from reconet_cli.errors import MediaError
from reconet_cli.video.probing.color import Color
from reconet_cli.video.probing.info import VideoStream, parse
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import file_source, video_stream

PHONE = """\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/x/Stream #0:9: Video: h264, 1x1.mp4':
  Metadata:
    major_brand     : 3gp5
  Duration: 00:01:01.32, start: -0.021333, bitrate: 8302 kb/s
  Stream #0:0[0xc9](eng): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt470bg/unknown/bt709, \
progressive), 1280x720 [SAR 16:15 DAR 256:135], 8433 kb/s, 29.97 fps, 29.97 tbr, 90k tbn (default)
    Side data:
      {rotation}
  Stream #0:1[0x65](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, stereo, fltp, 4 kb/s (default)
  Stream #0:2(ger): Subtitle: mov_text (tx3g / 0x67337874), 0 kb/s
At least one output file must be specified
"""


def video(line: str) -> VideoStream:
    info = parse(f"Input #0, matroska,webm, from 'x':\n  Duration: N/A, start: 0.5, bitrate: N/A\n  {line}\n")
    assert info is not None
    assert info.duration is None
    assert info.start == Fraction(1, 2)
    assert isinstance(info.streams[0], VideoStream)
    return info.streams[0]


@pytest.mark.parametrize(
    "rotation", ["Display Matrix: rotation of -90.00 degrees", "displaymatrix: rotation of -90.00 degrees"]
)
def test_phone_video(rotation):
    info = parse(PHONE.replace("{rotation}", rotation))
    assert info.format == "mov,mp4,m4a,3gp,3g2,mj2"
    assert info.duration == Fraction("61.32")
    assert info.start == Fraction("-0.021333")
    assert [(s.index, s.kind, s.codec, s.language) for s in info.streams] == [
        (0, "video", "h264", "eng"), (1, "audio", "aac", "und"), (2, "subtitle", "mov_text", "ger"),
    ]  # fmt: skip
    stream = info.video
    assert (stream.width, stream.height, stream.shown_size) == (1280, 720, (720, 1280))
    assert stream.aspect == Fraction(16, 15)
    assert stream.rate == stream.average == Fraction(30000, 1001)
    assert stream.constant_rate
    assert stream.ticks == 90_000
    assert stream.pixel_format == "yuv420p"
    assert stream.color == Color("bt470bg", "unknown", "bt709", False)


@pytest.mark.parametrize(
    ("text", "rate", "average", "constant_rate", "ticks"),
    [
        ("25 fps, 25 tbr, 12800 tbn (default)", 25, 25, True, 12800),
        ("23.98 fps, 23.98 tbr, 1k tbn", Fraction(24000, 1001), Fraction(24000, 1001), True, 1000),
        ("28.05 fps, 30 tbr, 15360 tbn", Fraction("28.05"), Fraction("28.05"), False, 15360),
        ("1k fps, 60 tbr, 1k tbn", 60, None, False, 1000),
        ("10.51 fps, 90k tbr, 90k tbn", Fraction("10.51"), Fraction("10.51"), False, 90_000),
        ("30 fps, 30 tbr, 1000000000.00 tbn", 30, 30, True, 10**9),
        ("90k tbr, 90k tbn", 25, None, False, 90_000),
    ],
)
def test_rates(text, rate, average, constant_rate, ticks):
    stream = video(f"Stream #0:0: Video: vp9 (Profile 0), yuv420p(tv), 642x642, SAR 1:1 DAR 1:1, {text}")
    assert (stream.rate, stream.average, stream.constant_rate, stream.ticks) == (rate, average, constant_rate, ticks)


@pytest.mark.parametrize(
    ("pixels", "color"),
    [
        ("yuv420p", Color()),
        ("yuv420p(progressive)", Color()),
        ("yuvj420p(pc, bt709, progressive)", Color("bt709", "bt709", "bt709", True)),
        ("yuvj420p", Color(full=True)),
        ("yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67)",
         Color("bt2020nc", "bt2020", "arib-std-b67", False)),
        ("yuv420p(top first)", Color()),
    ],
)  # fmt: skip
def test_color_tags(pixels, color):
    assert video(f"Stream #0:0: Video: hevc (Main), {pixels}, 64x64, 25 fps, 25 tbr, 90k tbn").color == color


def test_untagged_color_goes_by_height():
    assert Color().settled(719).matrix == "smpte170m"
    assert Color().settled(720) == Color("bt709", "bt709", "bt709", False)
    assert Color("gbr").settled(100).matrix == "smpte170m"
    assert Color("smpte170m").settled(1080).matrix == "smpte170m"


def test_cover_art_is_no_video(tools, tmp_path):
    picture = tmp_path / "cover.png"
    tools.run("-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1", "-update", "1", picture)
    song = tmp_path / "song.mp3"
    tools.run(
        "-f", "lavfi", "-i", "sine=duration=0.3", "-i", picture, "-map", "0", "-map", "1",
        "-disposition:v", "attached_pic", song,
    )  # fmt: skip
    info = tools.info(song)
    assert info.videos
    assert info.video is None
    with pytest.raises(MediaError, match=r"no video stream .only a cover picture"):
        video_stream(info, "song")


def test_real_files(tools, clip, tmp_path):
    info = tools.info(clip)
    assert (info.video.width, info.video.height, info.video.rate, info.video.constant_rate) == (96, 64, 25, True)
    assert info.duration == 1
    assert [s.codec for s in info.of_kind("audio")] == ["aac"]
    assert not info.is_picture
    for suffix in ("png", "jpg", "bmp", "tif"):
        picture = tmp_path / f"%d.{suffix}"
        tools.run("-i", clip, "-frames:v", "1", "-update", "1", picture)
        assert tools.info(picture).is_picture


@pytest.mark.parametrize("content", [b"", b"not a video", b"\x00" * 4096])
def test_garbage_gives_a_message(tools, tmp_path, content):
    path = tmp_path / "garbage.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"garbage\.mp4"):
        probe(tools.ffmpeg, file_source(path))


def test_what_is_no_file(tmp_path):
    with pytest.raises(MediaError, match="No such file"):
        file_source(tmp_path / "missing.mp4")
    with pytest.raises(MediaError, match="is a folder"):
        file_source(tmp_path)
