"""Files that name other files: no input makes ffmpeg open one, whatever it is called."""

import shutil

import forks
import pytest
from identity import paint
from processes import PATIENCE

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.effects.masks import open_mask
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import file_source, video_stream

CONCAT = "ffconcat version 1.0\nfile other/secret.mp4\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother/secret.mp4\n#EXT-X-ENDLIST\n"
DASH = """<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet contentType="video">
<Representation id="0" mimeType="video/mp4" codecs="avc1.42c00a" bandwidth="1" width="96" height="64">
<BaseURL>other/secret.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>
"""
REFUSED = "another list of files"


@pytest.fixture
def secret(clip, tmp_path):
    (tmp_path / "other").mkdir()
    return shutil.copy(clip, tmp_path / "other" / "secret.mp4")


@pytest.mark.parametrize("name", ["x.mp4", "x.png", "x.ffconcat"])
@pytest.mark.parametrize("content", [CONCAT, SDP, HLS, DASH], ids=["ffconcat", "sdp", "hls", "dash"])
def test_list_is_refused_by_its_content(tools, secret, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    # By another name, an ffmpeg may not know HLS and SDP at all.
    said = REFUSED if content in (CONCAT, DASH) else f"{REFUSED}|no video or picture|cannot decode"
    with pytest.raises(MediaError, match=said):
        video_stream(probe(tools.ffmpeg, file_source(tmp_path / name)), name)


@pytest.mark.parametrize("name", ["{}/list.mp4", "file://{}/list.mp4"])
def test_list_is_read_when_asked_for(tools, secret, tmp_path, name):
    (tmp_path / "list.mp4").write_text(CONCAT)
    source, out = name.format(tmp_path), tmp_path / "out.mp4"
    with pytest.raises(MediaError, match=REFUSED):
        paint(source, out)
    paint(source, out, lists=True)
    assert len(tools.times(out)) == 25


def test_list_on_standard_input_and_as_a_mask_is_refused(stylize, secret, clip, tmp_path):
    out = tmp_path / "out.mp4"
    done = forks.run(
        [*stylize, "-", str(out)], input=CONCAT.encode(), cwd=tmp_path, capture_output=True, timeout=PATIENCE
    )
    assert (done.returncode, out.exists()) == (1, False)
    assert REFUSED.encode() in done.stderr
    (tmp_path / "mask.png").write_text(CONCAT)
    with pytest.raises(MediaError, match=REFUSED):
        open_mask(str(tmp_path / "mask.png"), (96, 64), None, None)


def test_list_among_a_folder_s_pictures_is_not_opened(tools, secret, clip, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in (1, 3):
        tools.run("-i", clip, "-frames:v", "1", "-update", "1", pictures / f"{number}.png")
    (pictures / "2.png").write_text(CONCAT.replace("other/", f"{tmp_path}/other/"))
    paint(pictures, tmp_path / "out.mp4")
    assert len(tools.times(tmp_path / "out.mp4")) <= 2


@pytest.mark.parametrize("suffix", ["png", "ppm", "tga"])
def test_name_like_a_pattern_is_one_file(tools, clip, tmp_path, suffix):
    for name, color in ((f"x1.{suffix}", "red"), (f"green.{suffix}", "green")):
        tools.run("-f", "lavfi", "-i", f"color={color}:size=8x8", "-frames:v", "1", "-update", "1", tmp_path / name)
    source = (tmp_path / f"green.{suffix}").rename(tmp_path / f"x%d.{suffix}")
    paint(source, tmp_path / "out.png")
    red, green = tools.pixels(tmp_path / "out.png")[0, 0, 0, :2]
    assert green > red
