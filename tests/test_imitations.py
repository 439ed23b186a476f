"""Tags that look like what ffmpeg says about a file."""

import pytest
from identity import paint

from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import file_source

MARKS = ("", "[info] ")
LINES = (
    "  Stream #0:0: Video: h264, yuv420p(tv), 4000x400, 5 fps, 5 tbr, 5 tbn",
    "  Stream #0:2: Subtitle: subrip",
    "  Duration: 01:00:00.00, start: 7.000000, bitrate: 1 kb/s",
    "    Side data:\n      displaymatrix: rotation of -90.00 degrees",
    "Input #0, png_pipe, from 'x':",
    "[Parsed_showinfo_2 @ 0x1] [info] n:   0 pts:      0 pts_time:0 fmt:rgb24 sar:1/1 s:10x10 i:P",
    "[x @ 0x1] [error] broken",
)


def imitation(mark: str) -> str:
    """All lines as the beginning of something longer."""
    return "x\n" + "".join(f"{mark}{line}\n".replace("\n ", f"\n{mark} ") for line in LINES)


@pytest.fixture(params=["ffprobe", "ffmpeg"])
def program(request, tools, monkeypatch):
    """An ffmpeg with or without its ffprobe."""
    if request.param == "ffmpeg":
        monkeypatch.setattr("reconet_cli.video.probing.probe.find_ffprobe", lambda program: None)
    return tools.ffmpeg


@pytest.mark.parametrize("mark", MARKS, ids=["plain", "marked"])
def test_tags_change_nothing(program, tools, clip, tmp_path, mark):
    text = imitation(mark)
    title, stream = ["-metadata", f"title={text}"], ["-metadata:s:v", f"handler_name={text}"]
    name = ["-movflags", "use_metadata_tags", "-metadata", f"x{text}=x"]
    hostile = tmp_path / "hostile.mp4"
    tools.run("-i", clip, "-map", "0", "-c", "copy", *title, *name, *stream, hostile)
    info = probe(program, file_source(hostile))
    assert [stream.kind for stream in info.streams] == ["video", "audio"]
    assert (info.format.partition(",")[0], info.start, info.duration in (1, None)) == ("mov", 0, True)
    assert (info.video.shown_size, info.video.rate) == ((96, 64), 25)
    notes = paint(hostile, tmp_path / "out.mp4")
    assert not any("damaged" in note for note in notes)
    shown = sorted(time for time, _ in tools.packets(tmp_path / "out.mp4", "v:0"))
    assert shown == pytest.approx([number / 25 for number in range(25)])


def test_turned_video_is_still_known(program, tools, clip, tmp_path):
    turned = tools.turned(clip, tmp_path / "turned.mp4", 1)
    assert probe(program, file_source(turned)).video.shown_size == (64, 96)


def test_language_of_several_lines(program, tools, clip, tmp_path):
    file = tmp_path / "language.mkv"
    tools.run("-i", clip, "-map", "0", "-c", "copy", "-metadata:s:a", "language=abc", file)
    content = file.read_bytes()
    # EBML: the element Language, three bytes.
    old, new = b"\x22\xb5\x9c\x83abc", b"\x22\xb5\x9c\x83a\nc"
    assert content.count(old) == 1
    file.write_bytes(content.replace(old, new))
    assert [stream.index for stream in probe(program, file_source(file)).streams] == [0, 1]
