"""What a file carries beside its pictures: it is there afterwards, or one line says that it is not."""

import re
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import FFMPEG
from identity import paint

from reconet_cli.video.probing.source import file_source
from reconet_cli.video.probing.tags import parse_tags, read_tags
from reconet_cli.video.writing.time_code import moved


def tags_of(path):
    return read_tags(FFMPEG, file_source(path))


def lower(tags):
    return {name.lower(): value for name, value in tags.items()}


def test_the_page_prints_the_table():
    docs = Path(__file__).parents[1] / "docs"
    table = subprocess.run([sys.executable, docs / "make_media_table.py"], capture_output=True, text=True, check=True)
    page = (docs / "media.md").read_text()
    assert page.split("<!-- table -->\n")[1].split("<!-- end of table -->")[0] == table.stdout


PHONE = {
    "com.apple.quicktime.location.ISO6709": "+48.1000+011.5000+519.0/",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.creationdate": "2024-05-06T09:08:09+0200",
    "creation_time": "2024-05-06T07:08:09.000000Z",
    "title": "Sea = salt; #1",
}


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_tags_of_phones(tools, clip, tmp_path, suffix):
    source = tmp_path / "in.mov"
    pairs = [argument for name, value in PHONE.items() for argument in ("-metadata", f"{name}={value}")]
    tools.run("-i", clip, "-c", "copy", "-movflags", "use_metadata_tags", *pairs, source)
    target = tmp_path / f"out.{suffix}"
    assert paint(source, target) == []
    there = lower(tags_of(target).whole)
    there["creation_time"] = there["creation_time"].partition(";")[0]  # newer ffmpegs read it in two places
    assert {name: there.get(name.lower()) for name in PHONE} == PHONE
    assert ("major_brand" in there) == (suffix != "mkv")


def test_what_is_left_out_is_said_in_one_line(tools, clip, tmp_path):
    source = tmp_path / "in.mkv"
    (tmp_path / "words.srt").write_text("1\n00:00:00,100 --> 00:00:00,500\nHello\n")
    (tmp_path / "font.ttf").write_bytes(b"font")
    tools.run(
        "-i", clip, "-i", tmp_path / "words.srt", "-map", "0", "-map", "1", "-c", "copy",
        "-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=font/ttf",
        "-metadata", "location=+48.1+11.5/", "-metadata", "title=Sea", "-metadata:s:a:0",
        "language=jpn", "-disposition:a:0", "default+comment", "-timecode", "01:00:00:00", source,
    )  # fmt: skip
    (note,) = paint(source, tmp_path / "out.avi")
    assert note == (
        "left out, because avi cannot hold it: subtitle stream 2 (subrip); attachment stream 3 (none); "
        "the tag LOCATION; the time code 01:00:00:00; the language jpn of sound stream 1 (aac); "
        "the flag comment of sound stream 1 (aac)"
    )


def test_attachments_of_any_type_arrive(tools, clip, tmp_path):
    source, font = tmp_path / "in.mkv", tmp_path / "a.woff2"
    font.write_bytes(bytes(range(256)))
    tools.run("-i", clip, "-c", "copy", "-attach", font, "-metadata:s:t", "mimetype=font/woff2", source)
    assert paint(source, tmp_path / "out.mkv") == []
    command = [FFMPEG, "-nostdin", "-y", "-dump_attachment:t", tmp_path / "there", "-i", tmp_path / "out.mkv"]
    subprocess.run(command, capture_output=True, timeout=60)  # it says that it has no output
    assert (tmp_path / "there").read_bytes() == font.read_bytes()
    assert tags_of(tmp_path / "out.mkv").streams[2] == {"filename": "a.woff2", "mimetype": "font/woff2"}


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_titles_languages_and_flags_of_tracks(tools, tmp_path, suffix):
    source = tools.clip("two.mkv", seconds=0.4, sound=("aac", "aac"))
    marked, target = tmp_path / "in.mkv", tmp_path / f"out.{suffix}"
    tools.run(
        "-i", source, "-map", "0", "-c", "copy", "-metadata:s:v", "title=Angle 2", "-metadata:s:v", "language=fre",
        "-metadata:s:a:1", "title=For the deaf", "-disposition:v:0", "default+original",
        "-disposition:a:0", "0", "-disposition:a:1", "hearing_impaired", marked,
    )  # fmt: skip
    notes = paint(marked, target)
    video, *sounds = tools.info(target).streams
    assert video.language == "fre"
    assert [s.flags - {"captions"} for s in sounds] == [
        {"default"} if suffix == "mp4" else set(), {"hearing_impaired"},
    ]  # fmt: skip
    if suffix == "mkv":
        assert notes == []
        assert video.flags == {"default", "original"}
        assert [lower(tags_of(target).of(n)).get("title") for n in (0, 2)] == ["Angle 2", "For the deaf"]
    else:
        assert notes == ["left out, because mp4 cannot hold it: the flag original of video stream 0 (h264)"]
        assert b"For the deaf" in target.read_bytes()


@pytest.mark.parametrize(
    ("suffix", "options", "expected"),
    [("mov", {}, "01:02:03:04"), ("mp4", {"start": Fraction("0.5")}, "01:02:03:17"), ("mkv", {}, "01:02:03:04")],
)
def test_time_codes(tools, clip, tmp_path, suffix, options, expected):
    source, target = tmp_path / "in.mov", tmp_path / f"out.{suffix}"
    tools.run("-i", clip, "-c", "copy", "-timecode", "01:02:03:04", source)
    assert paint(source, target, **options) == []
    assert lower(tags_of(target).of(0))["timecode"] == expected


def test_telemetry_of_cameras(tools, clip, tmp_path):
    source = tmp_path / "in.mov"
    tools.run("-i", clip, "-c", "copy", "-timecode", "01:02:03:04", source)
    content = source.read_bytes()  # a track of time codes becomes one of GoPro's measurements
    content = re.sub(rb"(stsd.{12})tmcd", rb"\1gpmd", content, flags=re.DOTALL).replace(b"mhlrtmcd", b"mhlrmeta")
    source.write_bytes(content)
    assert tools.info(source).streams[2].tag == "gpmd"
    assert paint(source, tmp_path / "out.mp4") == []
    assert [s for _, s in tools.packets(tmp_path / "out.mp4", "d:0")] == [s for _, s in tools.packets(source, "d:0")]
    assert paint(source, tmp_path / "out.mkv") == ["left out, because matroska cannot hold it: data stream 2 (gpmd)"]


@pytest.mark.parametrize(
    ("code", "rate", "start", "new", "expected"),
    [
        ("01:02:03:04", 25, 1, 25, "01:02:04:04"),
        ("23:59:59:24", 25, Fraction(1, 25), 25, "00:00:00:00"),
        ("00:00:59;29", Fraction(30000, 1001), Fraction(1001, 30000), Fraction(30000, 1001), "00:01:00;02"),
        ("00:09:59;29", Fraction(30000, 1001), Fraction(1001, 30000), Fraction(30000, 1001), "00:10:00;00"),
        ("00:00:00:10", 25, 0, 50, "00:00:00:20"),
        ("00:00:00;10", Fraction(30000, 1001), 0, 25, ""),
        ("00:00:00:00", 25, 0, Fraction(1, 60), ""),
        ("noon", 25, 0, 25, ""),
    ],
)
def test_time_code_arithmetic(code, rate, start, new, expected):
    assert moved(code, Fraction(rate), Fraction(start), Fraction(new)) == expected


def test_tags_cannot_pretend_to_be_lines_of_their_own():
    text = ";FFMETADATA1\ntitle=a\\=b\\\\\\\n[STREAM]\\\nfoo\\=1\nx\\;y=\\#z\\\\\n"
    text += "[CHAPTER]\ntitle=One\n[STREAM]\n[STREAM]\nA=1\n"
    tags = parse_tags(text)
    assert tags.whole == {"title": "a=b\\\n[STREAM]\nfoo=1", "x;y": "#z\\"}
    assert tags.streams == ({}, {"A": "1"})
    assert tags.chapters == 1


def box(kind, *contents):
    content = b"".join(contents)
    return struct.pack(">I", 8 + len(content)) + kind + content


@pytest.mark.parametrize(("views", "kinds"), [(0, "360°"), (1, "360° and 3D")])
def test_video_for_headsets_is_said_to_become_flat(clip, tmp_path, views, kinds):
    """Google's spherical video RFC, version 2: boxes at the end of the sample entry."""
    projection = box(b"proj", box(b"prhd", bytes(16)), box(b"equi", bytes(20)))
    more = box(b"st3d", bytes([0, 0, 0, 0, views])) + box(b"sv3d", box(b"svhd", bytes(5)), projection)
    data = bytearray(clip.read_bytes())
    start = data.index(b"avc1", data.index(b"stsd")) - 4
    end = start + struct.unpack_from(">I", data, start)[0]
    for kind in (b"avc1", b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        at = data.rindex(kind, 0, start + 8) - 4
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(more))
    assert data.index(b"mdat") < start  # or places of frames would move
    data[end:end] = more
    (tmp_path / "in.mp4").write_bytes(data)
    (note,) = paint(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert f"is {kinds} video" in note
