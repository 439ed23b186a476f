"""Files in, files out, with a network that changes nothing: what must not be lost is not lost."""

import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import forks
import numpy as np
import pytest
from conftest import PAINTING, SOFT
from identity import MIX, close, leftovers, paint
from processes import PATIENCE

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg import hardware
from reconet_cli.video.ffmpeg.pixels import PLAIN
from reconet_cli.video.writing import matroska


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi", "ts"])
def test_frames_times_and_sound(tools, clip, tmp_path, suffix):
    target = tmp_path / f"out.{suffix}"
    paint(clip, target)
    times, expected = tools.times(target), tools.times(clip)
    # Encoders' priming before zero moves everything a little in containers that have no time before zero.
    assert close([t - times[0] for t in times], expected)
    assert 0 <= times[0] - float(tools.info(target).start) < 0.03
    assert abs(tools.info(target).duration - 1) <= Fraction(5, 100)
    sound = tools.packets(target)
    if suffix in ("mp4", "mov", "mkv"):
        assert [check for _, check in sound] == [check for _, check in tools.packets(clip)]
    assert sound[-1][0] - sound[0][0] == pytest.approx(1, abs=0.05)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("matrix", "span"), [("bt709", "tv"), ("bt709", "pc"), ("smpte170m", "tv"), ("smpte170m", "pc")]
)
def test_identity_keeps_colors(tools, tmp_path, matrix, span):
    short = "bt709" if matrix == "bt709" else "bt601"
    source = tools.clip(
        f"{matrix}-{span}.mp4", seconds=0.3, sound=(),
        filters=f"{SOFT},scale=out_color_matrix={short}:out_range={span},format=yuv420p,"
        f"setparams=range={span}:colorspace={matrix}:color_primaries={matrix}:color_trc={matrix}",
        options=("-c:v", "libx264", "-preset", "ultrafast", "-crf", "4", "-colorspace", matrix,
                 "-color_primaries", matrix, "-color_trc", matrix, "-color_range", span),
    )  # fmt: skip
    before = tools.info(source).video.color
    assert (before.matrix, before.full) == (matrix, span == "pc")
    target = tmp_path / "out.mp4"
    paint(source, target, crf=4)
    assert tools.info(target).video.color == before
    for ours, theirs in zip(tools.planes(target), tools.planes(source), strict=True):
        difference = ours.astype(int) - theirs
        assert np.abs(difference).mean() < 2
        assert abs(difference.mean()) < 1  # no shift, whatever the noise


def test_untagged_colors_stay(tools, clip, tmp_path):
    target = tmp_path / "out.mkv"
    paint(clip, target, crf=4)
    for ours, theirs in zip(tools.planes(target), tools.planes(clip), strict=True):
        assert np.abs(ours.astype(int) - theirs).mean() < 2


def test_variable_rate_keeps_every_time(tools, tmp_path):
    # Long pauses at the end are what a screen recording has, and what reordered frames get wrong.
    source = tools.clip(
        "uneven.mp4", sound=("aac",), seconds=2,
        filters="select='not(mod(n,7))+not(mod(n,5))+lt(n,6)',settb=1/90000",
        options=(*MIX, "-fps_mode", "passthrough", "-enc_time_base", "1/90000", "-bf", "0"),
    )  # fmt: skip
    assert not tools.info(source).video.constant_rate
    for suffix in ("mp4", "mkv"):
        target = tmp_path / f"out.{suffix}"
        paint(source, target)
        times = tools.times(target)
        assert close([t - times[0] for t in times], tools.times(source))
        # ffmpeg 5.1 does not say how long the last frame lasts.
        assert abs(tools.info(target).duration - tools.info(source).duration) < Fraction(1, 10)


def test_late_video_stays_late(tools, tmp_path):
    source = tmp_path / "late.mkv"
    tools.run("-itsoffset", "0.4", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.6",
              "-f", "lavfi", "-i", "sine=duration=1", *MIX, "-c:a", "aac", source)  # fmt: skip
    target = tmp_path / "out.mp4"
    paint(source, target)
    assert tools.times(target)[0] - tools.packets(target)[0][0] == pytest.approx(
        tools.times(source)[0] - tools.packets(source)[0][0], abs=0.025
    )
    assert len(tools.times(target)) == 15


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotation_is_applied_once(tools, clip, tmp_path, quarters):
    source = tools.turned(clip, tmp_path / "turned.mp4", quarters)
    assert tools.info(source).video.rotation != 0
    target = tmp_path / "out.mp4"
    paint(source, target, crf=4)
    shown = tools.info(target).video
    assert shown.rotation == 0
    assert (shown.width, shown.height) == ((96, 64) if quarters == 2 else (64, 96))
    assert np.abs(tools.pixels(target).astype(int) - tools.pixels(source)).mean() < 2


def test_sample_aspect_ratio(tools, tmp_path):
    source = tools.clip("wide.mp4", seconds=0.2, filters=f"{SOFT},setsar=16/15")
    for name, options, aspect in (
        ("same.mp4", {}, Fraction(16, 15)),
        ("half.mp4", {"scale": Fraction(1, 2)}, Fraction(16, 15)),
        ("square.mp4", {"size": (64, 64)}, Fraction(16, 15) * 96 / 64),
    ):
        paint(source, tmp_path / name, **options)
        assert tools.info(tmp_path / name).video.aspect == aspect


def test_odd_size_grows_by_repeating_its_edge_and_says_so(tools, tmp_path):
    source = tools.clip("odd.mkv", seconds=0.2, sound=(), filters=f"{SOFT},scale=97:65", options=("-c:v", "ffv1"))
    seen = []

    def network(frame):
        seen.append(frame)
        return frame

    notes = paint(source, tmp_path / "out.mp4", network=network, crf=4)
    assert seen[0].shape == (65, 97, 3)
    assert any("97x65 becomes 98x66" in note for note in notes)
    assert tools.info(tmp_path / "out.mp4").video.shown_size == (98, 66)
    painted = tools.pixels(tmp_path / "out.mp4")[0].astype(int)
    assert np.abs(painted[:65, :97] - seen[0]).mean() < 3  # not sheared
    assert paint(source, tmp_path / "out.webm") == []
    assert tools.info(tmp_path / "out.webm").video.shown_size == (97, 65)


def test_size_and_scale(tools, clip, tmp_path):
    paint(clip, tmp_path / "a.mp4", size=(50, 30))
    paint(clip, tmp_path / "b.mp4", scale=Fraction("0.51"))
    assert tools.info(tmp_path / "a.mp4").video.shown_size == (50, 30)
    assert tools.info(tmp_path / "b.mp4").video.shown_size == (48, 32)


@pytest.mark.parametrize(
    ("rate", "target"),
    [("480", "out.avi"), ("960", "frames/"), ("960", "out.mp4"), ("1000", "out.avi"), ("1000", "out.mov"),
     ("1/8", "out.mp4"),
     ("0.01", "out.avi")],
)  # fmt: skip
def test_fast_and_slow_cameras_lose_no_frame(tools, tmp_path, rate, target):
    """What is printed of such a rate is 1k, 0.13 or 0.01."""
    source = tools.clip("in.mp4", size="32x32", seconds=float(12 / Fraction(rate)), sound=(), rate=rate)
    paint(source, f"{tmp_path}/{target}")
    if target == "frames/":
        assert len(list((tmp_path / target).iterdir())) == 12
    else:
        times = tools.times(tmp_path / target)
        assert close([(t - times[0]) * float(Fraction(rate)) for t in times], list(range(12)), 0.02)


def test_new_rate(tools, clip, tmp_path):
    paint(clip, tmp_path / "out.mp4", rate=Fraction(10))
    assert close(tools.times(tmp_path / "out.mp4"), [n / 10 for n in range(10)])
    assert tools.info(tmp_path / "out.mp4").duration == 1


def test_part_of_a_clip_keeps_sound_in_step(tools, tmp_path):
    # Tone and picture start together, halfway: a white frame and a beep.
    source = tmp_path / "clap.mp4"
    tools.run("-f", "lavfi", "-i", "color=black:size=64x48:rate=25:duration=2,"
              "drawbox=color=white:thickness=fill:enable='gte(t,1)'",
              "-f", "lavfi", "-i", "aevalsrc='gte(t,1)*0.5*sin(2000*t)':duration=2:sample_rate=48000",
              *MIX, "-g", "250", "-c:a", "aac", source)  # fmt: skip
    for suffix in ("mp4", "mkv"):
        target = tmp_path / f"part.{suffix}"
        paint(source, target, start=Fraction("0.7"), duration=Fraction(1))
        times = tools.times(target)
        assert len(times) in (24, 25)
        bright = tools.planes(target)[0].mean(axis=(1, 2)) > 100
        flash = times[int(np.argmax(bright))]
        sound = np.frombuffer(
            tools.run("-i", target, "-map", "0:a", "-af", "aresample=async=1:first_pts=0",
                      "-ac", "1", "-ar", "8000", "-f", "s16le", "-").stdout, np.int16
        )  # fmt: skip
        beep = int(np.argmax(np.abs(sound.astype(int)) > 3000)) / 8000
        assert flash == pytest.approx(0.3, abs=0.05)
        assert beep == pytest.approx(flash, abs=0.05)
        assert tools.info(target).duration == pytest.approx(1, abs=0.08)


def test_sound_of_another_length(tools, tmp_path):
    for length in ("0.5", "2"):
        source = tmp_path / f"sound{length}.mp4"
        tools.run("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1",
                  "-f", "lavfi", "-i", f"sine=duration={length}", *MIX, "-c:a", "aac", source)  # fmt: skip
        target = tmp_path / f"out{length}.mp4"
        paint(source, target)
        assert len(tools.times(target)) == 25
        assert [c for _, c in tools.packets(target)] == [c for _, c in tools.packets(source)]
        assert tools.info(target).duration == tools.info(source).duration


def test_sound_that_does_not_fit_is_reencoded_and_told(tools, tmp_path):
    source = tools.clip("two.mkv", seconds=0.4, sound=("pcm_s16le", "aac"))
    notes = paint(source, tmp_path / "out.mp4")
    assert [s.codec for s in tools.info(tmp_path / "out.mp4").of_kind("audio")] == ["aac", "aac"]
    assert len(notes) == 1
    assert "pcm_s16le" in notes[0]
    assert tools.packets(tmp_path / "out.mp4", "a:1")[0][1] == tools.packets(source, "a:1")[0][1]
    paint(source, tmp_path / "out.webm")
    assert [s.codec for s in tools.info(tmp_path / "out.webm").of_kind("audio")] == ["opus", "opus"]


def test_subtitles_chapters_and_tags(tools, clip, tmp_path):
    (tmp_path / "words.srt").write_text("1\n00:00:00,100 --> 00:00:00,500\nHello\n")
    (tmp_path / "tags.txt").write_text(
        ";FFMETADATA1\ntitle=A clip\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=Two\n"
    )
    source = tmp_path / "full.mkv"
    tools.run("-i", clip, "-i", tmp_path / "words.srt", "-i", tmp_path / "tags.txt", "-map", "0", "-map", "1",
              "-map_metadata", "2", "-c", "copy", "-c:s", "srt", "-metadata:s:a:0", "language=ger",
              source)  # fmt: skip
    for suffix, codec in (("mkv", "subrip"), ("mp4", "mov_text"), ("webm", "webvtt")):
        target = tmp_path / f"out.{suffix}"
        paint(source, target)
        info = tools.info(target)
        assert [s.codec for s in info.of_kind("subtitle")] == [codec]
        assert info.of_kind("audio")[0].language == "ger"
        said = tools.run("-i", target, "-f", "ffmetadata", "-").stdout.decode()
        assert said.count("[CHAPTER]") == 2
        assert "title=A clip" in said
        words = tools.run("-i", target, "-map", "0:s:0", "-f", "srt", "-").stdout.decode()
        assert "Hello" in words
        start, end = re.findall(r"00:00:00,(\d+)", words)
        assert (int(start), int(end)) == (pytest.approx(100, abs=50), pytest.approx(500, abs=50))


@pytest.mark.parametrize("options", [{}, {"start": Fraction(2, 5), "codec": "libx265"}], ids=["whole", "part"])
def test_cover_pictures(tools, clip, tmp_path, options):
    cover, source = tmp_path / "cover.jpg", tmp_path / "in.mp4"
    tools.run("-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1", "-update", "1", cover)
    tools.run(
        "-i", clip, "-i", cover, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic", source
    )
    assert paint(source, tmp_path / "out.mp4", **options) == []
    painted, carried = tools.info(tmp_path / "out.mp4").videos
    assert (painted.cover, carried.cover) == (False, True)
    assert [sum for _, sum in tools.packets(tmp_path / "out.mp4", "v:1")] == [
        sum for _, sum in tools.packets(source, "v:1")
    ]
    assert paint(source, tmp_path / "out.mkv", **options) == [
        "left out, because matroska cannot hold it: cover picture 2 (mjpeg)"
    ]


def test_names_that_look_like_something_else(tools, clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in ("-clip:1 %d ü*.mp4", "concat:a|b.mp4", "a'b\"c\\d.mp4"):
        source = Path("in") / name
        source.write_bytes(clip.read_bytes())
        paint(source, Path(name))
        assert len(tools.times(tmp_path / name)) == 25


def test_gif(tools, clip, tmp_path):
    notes = paint(clip, tmp_path / "out.gif")
    assert any("sound stream" in note and "left out" in note for note in notes)
    assert close(tools.times(tmp_path / "out.gif"), tools.times(clip), 0.006)
    paint(tmp_path / "out.gif", tmp_path / "back.mp4")
    assert len(tools.times(tmp_path / "back.mp4")) == 25


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "webp", "JPEG"])
def test_picture_to_picture(tools, tmp_path, suffix):
    source = tmp_path / "in %03d.png"
    tools.run("-f", "lavfi", "-i", f"testsrc2=size=96x64,{SOFT},scale=97:65", "-frames:v", "1", "-update", "1", source)
    target = tmp_path / f"out %03d.{suffix}"
    paint(source, target)
    painted = tools.pixels(target)
    assert painted.shape == (1, 65, 97, 3)
    most = {"webp": 3, "jpg": 2, "JPEG": 2}.get(suffix, 0)
    assert np.abs(painted.astype(int) - tools.pixels(source)).mean() <= most
    assert leftovers(tmp_path) == []


def test_picture_and_video_do_not_mix(tools, clip, tmp_path):
    picture = tmp_path / "in.png"
    tools.run("-i", clip, "-frames:v", "1", "-update", "1", picture)
    with pytest.raises(MediaError, match="is a picture"):
        paint(picture, tmp_path / "out.mp4")
    with pytest.raises(MediaError, match="is a picture, but the input is a video"):
        paint(clip, tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("out", "."))] == []


def test_half_a_file_gives_half_a_video_and_a_note(tools, tmp_path):
    whole = tools.clip("whole.mp4", seconds=2, options=(*MIX, "-movflags", "+faststart"))
    half = tmp_path / "half.mp4"
    content = whole.read_bytes()
    half.write_bytes(content[: len(content) * 6 // 10])
    notes = paint(half, tmp_path / "out.mp4")
    assert 10 < len(tools.times(tmp_path / "out.mp4")) < 50
    assert any("damaged" in note for note in notes), notes


def test_target_is_taken_only_when_complete(clip, tmp_path):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")

    def network(frame):
        assert target.read_bytes() == b"old"
        assert len(leftovers(tmp_path)) == 1
        return frame

    with pytest.raises(MediaError, match="is there already"):
        paint(clip, target)
    paint(clip, target, network=network, overwrite=True)
    assert target.stat().st_size > 1000
    assert leftovers(tmp_path) == []
    mask = os.umask(0)
    os.umask(mask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~mask


def test_link_as_target_stays_a_link(clip, tmp_path):
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "x.mp4"
    real.write_bytes(b"old")
    link = tmp_path / "link.mp4"
    link.symlink_to(real)
    paint(clip, link, overwrite=True)
    assert link.is_symlink()
    assert real.stat().st_size > 1000


@pytest.mark.parametrize("name", ["missing/out.mp4", "out.xyz", "out", "folder.mp4"])
def test_target_that_cannot_be(clip, tmp_path, name):
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(MediaError):
        paint(clip, tmp_path / name, overwrite=True)


def test_encoders(tools, clip, tmp_path):
    with pytest.raises(MediaError, match="no encoder 'nonsense'"):
        paint(clip, tmp_path / "out.mp4", codec="nonsense")
    with pytest.raises(MediaError, match="libvpx-vp9 has no --preset"):
        paint(clip, tmp_path / "out.webm", preset="fast")
    paint(clip, tmp_path / "out.mp4", codec="libx265", crf=30, preset="ultrafast")
    assert tools.info(tmp_path / "out.mp4").video.codec == "hevc"
    paint(clip, tmp_path / "out.mov", codec="prores_ks")
    assert tools.info(tmp_path / "out.mov").video.codec == "prores"


@pytest.mark.parametrize("late", ["0", "0.02", "0.31"])
def test_even_rate_takes_every_frame_of_an_even_video_once(tools, tmp_path, late):
    # Matroska's milliseconds lie around the middle between two slots when the video starts half a slot late.
    source = tmp_path / "late.mkv"
    tools.run("-itsoffset", late, "-f", "lavfi", "-i",
              "color=size=64x48:rate=30000/1001:duration=1.2,geq=lum='16+6*N':cb=128:cr=128",
              "-f", "lavfi", "-i", "sine=duration=2", "-map", "0", "-map", "1", *MIX, "-bf", "0",
              "-c:a", "pcm_s16le", source)  # fmt: skip
    seen = []

    def network(frame):
        seen.append(frame.tobytes())
        return frame

    paint(source, tmp_path / "out.avi", network=network)
    waiting = round(float(late) * 30000 / 1001)
    assert len(seen) == 36 + waiting
    assert len(set(seen)) == 36
    assert seen[0] == seen[waiting]


def test_no_sound_on_request(tools, clip, tmp_path):
    assert paint(clip, tmp_path / "out.mp4", sound=False) == []
    assert [s.kind for s in tools.info(tmp_path / "out.mp4").streams] == ["video"]
    assert paint(clip, tmp_path / "out.webm", sound=False) == []


def test_another_duration_is_told(tools, tmp_path):
    source = tmp_path / "long-sound.mp4"
    tools.run("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.4", "-f", "lavfi", "-i", "sine=duration=1.4",
              *MIX, "-c:a", "aac", source)  # fmt: skip
    notes = paint(source, tmp_path / "out.mp4", sound=False)
    assert [note for note in notes if "lasts 0.40 s, its input 1.4" in note]
    assert paint(source, tmp_path / "whole.mp4") == []
    part = paint(source, tmp_path / "part.mp4", start=Fraction("0.1"), duration=Fraction("0.2"))
    assert not any("lasts" in note for note in part)


def test_options_of_the_encoder(tools, clip, tmp_path):
    paint(clip, tmp_path / "out.mp4", extra=(("g", "5"), ("metadata:s:v", "title=x=y")))
    keys = tools.run("-i", tmp_path / "out.mp4", "-vf", "select='eq(pict_type,I)'", "-fps_mode", "passthrough",
                     "-an", "-f", "framemd5", "-").stdout.decode()  # fmt: skip
    assert len([line for line in keys.splitlines() if not line.startswith("#")]) == 5
    with pytest.raises(MediaError, match="encoding failed"):
        paint(clip, tmp_path / "bad.mp4", extra=(("no-such-option", "1"),))
    assert not (tmp_path / "bad.mp4").exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(("name", "codec"), [("hevc", "hevc"), ("prores", "prores"), ("h264", "h264")])
def test_encoders_by_what_they_make(tools, clip, tmp_path, name, codec):
    paint(clip, tmp_path / "out.mov", codec=name)
    assert tools.info(tmp_path / "out.mov").video.codec == codec


def pretending(folder, real, works):
    """An ffmpeg with one hardware encoder: libx264 under its name, with its options taken away."""
    path = folder / "ffmpeg-with-a-chip"
    path.write_text(
        f"#!{sys.executable}\nimport os, sys\nargs = sys.argv[1:]\n"
        "if '-c:v' in args and args[args.index('-c:v') + 1].endswith(('_nvenc', '_videotoolbox', '_qsv', '_vaapi')):\n"
        f"    if {works!r} not in args: sys.exit(1)\n"
        f"    open({str(folder / 'said')!r}, 'w').write(' '.join(args))\n"
        "    for name in ('-cq', '-rc', '-preset', '-b:v'):\n"
        "        if name in args: at = args.index(name); del args[at:at + 2]\n"
        f"    args = ['libx264' if a == {works!r} else a for a in args]\n"
        f"if 'encoder={works}' in args: print('Encoder x'); sys.exit()\n"
        f"os.execv({real!r}, [{real!r}, *args])\n"
    )
    path.chmod(0o755)
    return str(path)


def test_encoder_on_a_chip(tools, clip, tmp_path):
    ffmpeg = pretending(tmp_path, PAINTING, "h264_nvenc")
    paint(clip, tmp_path / "auto.mp4", encoder="auto", ffmpeg=ffmpeg)
    said = (tmp_path / "said").read_text()
    assert all(words in said for words in ("-c:v h264_nvenc", "-rc vbr", "-b:v 0", "-cq 20", "-preset p4"))
    assert len(tools.times(tmp_path / "auto.mp4")) == 25
    paint(clip, tmp_path / "named.mp4", encoder="nvenc", crf=30, ffmpeg=ffmpeg)
    assert "-cq 30" in (tmp_path / "said").read_text()
    with pytest.raises(MediaError, match="hevc_nvenc does not work here"):
        paint(clip, tmp_path / "hevc.mp4", encoder="nvenc", codec="hevc", ffmpeg=ffmpeg)
    with pytest.raises(MediaError, match="qsv has no encoder in place of libvpx-vp9"):
        paint(clip, tmp_path / "out.webm", encoder="qsv", ffmpeg=ffmpeg)
    paint(clip, tmp_path / "out.webm", encoder="auto", ffmpeg=ffmpeg)
    assert tools.info(tmp_path / "out.webm").video.codec == "vp9"


def decoding(folder, real, works):
    """An ffmpeg with one chip that decodes: it decodes itself in the chip's place."""
    path = folder / f"ffmpeg-with-{works}"
    path.write_text(
        f"#!{sys.executable}\nimport os, sys\nargs = sys.argv[1:]\n"
        "for name in ('-init_hw_device', '-hwaccel'):\n"
        "    if name in args:\n"
        "        at = args.index(name)\n"
        "        end = at + (4 if '-hwaccel_device' in args else 2)\n"
        "        chip = ':'.join(args[at + 1:end:2])\n"
        f"        if chip != {works!r}: sys.exit(1)\n"
        f"        open({str(folder / 'decoded')!r}, 'a').write(name + ' ' + chip + '\\n')\n"
        "        del args[at:end]\n"
        f"os.execv({real!r}, [{real!r}, *args])\n"
    )
    path.chmod(0o755)
    return str(path)


def test_decoder_on_a_chip(tools, clip, tmp_path):
    ffmpeg = decoding(tmp_path, PAINTING, "cuda")
    for name in ("auto", "nvdec"):
        paint(clip, tmp_path / f"{name}.mp4", decoder=name, ffmpeg=ffmpeg)
        assert len(tools.times(tmp_path / f"{name}.mp4")) == 25
    assert (tmp_path / "decoded").read_text().count("-hwaccel cuda") == 2
    with pytest.raises(MediaError, match="the decoder vaapi does not work here"):
        paint(clip, tmp_path / "vaapi.mp4", decoder="vaapi", ffmpeg=ffmpeg)
    assert not (tmp_path / "vaapi.mp4").exists()
    none = decoding(tmp_path, PAINTING, "nothing")
    paint(clip, tmp_path / "software.mp4", decoder="auto", ffmpeg=none)
    assert len(tools.times(tmp_path / "software.mp4")) == 25


def test_the_gpu_that_paints_decodes_and_encodes(tools, clip, stylize, tmp_path):
    ffmpeg = decoding(tmp_path, pretending(tmp_path, PAINTING, "h264_nvenc"), "cuda:1")
    chip = ["--device", "cuda:1", "--decoder", "nvdec", "--encoder", "nvenc", "--ffmpeg", ffmpeg]
    forks.run([*stylize, clip, tmp_path / "out.mp4", *chip], check=True, timeout=PATIENCE)
    assert len(tools.times(tmp_path / "out.mp4")) == 25
    said = (tmp_path / "said").read_text()
    assert "-c:v h264_nvenc" in said
    assert "-gpu 1" in said
    assert (tmp_path / "decoded").read_text().splitlines() == ["-init_hw_device cuda:1", "-hwaccel cuda:1"]


def test_the_render_node_that_encodes(tools, clip, tmp_path, monkeypatch):
    for name in ("renderD128", "renderD129", "card0"):
        (tmp_path / name).touch()
    monkeypatch.setattr(hardware, "NODES", tmp_path)
    works = ["-vaapi_device", f"{tmp_path}/renderD129"]
    path = tmp_path / "ffmpeg-with-two-chips"
    path.write_text(
        f"#!{sys.executable}\nimport os, sys\nargs = sys.argv[1:]\n"
        "if 'encoder=h264_vaapi' in args: print('Encoder x'); sys.exit()\n"
        "if '-vaapi_device' in args:\n"
        "    at = args.index('-vaapi_device')\n"
        f"    if args[at:at + 2] != {works!r}: sys.exit(1)\n"
        "    del args[at:at + 2]\n"
        "    args = [a.replace('h264_vaapi', 'libx264').replace('hwupload', 'null') for a in args]\n"
        f"os.execv({PAINTING!r}, [{PAINTING!r}, *args])\n"
    )
    path.chmod(0o755)
    paint(clip, tmp_path / "out.mp4", encoder="vaapi", ffmpeg=str(path))
    assert len(tools.times(tmp_path / "out.mp4")) == 25


def test_frames_in_a_chips_order_have_the_same_colors(tools, clip, tmp_path):
    painted = []
    for kind in ("nv12", "yuv420p"):
        tools.run("-i", clip, "-an", "-c:v", "rawvideo", "-pix_fmt", kind, tmp_path / f"{kind}.nut")
        paint(tmp_path / f"{kind}.nut", tmp_path / f"{kind}-%03d.png")
        painted.append([path.read_bytes() for path in sorted(tmp_path.glob(f"{kind}-*.png"))])
    assert len(painted[0]) == 25
    assert painted[0] == painted[1]


@pytest.mark.parametrize(("start", "silent"), [("0.6", 0.4), ("1.5", 0)])
def test_a_cut_keeps_sound_that_is_encoded_again(tools, tmp_path, start, silent):
    # Two seconds of sound, silent in the first.
    source = tmp_path / "late-tone.mp4"
    tools.run("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2.5", "-f", "lavfi", "-i",
              "sine=duration=2.5:sample_rate=48000,volume='gt(t,1)':eval=frame", *MIX,
              "-c:a", "aac", source)  # fmt: skip
    paint(source, tmp_path / "out.webm", start=Fraction(start), duration=Fraction(1))
    pcm = tools.run("-i", tmp_path / "out.webm", "-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", "48000",
                    "-f", "s16le", "-").stdout  # fmt: skip
    sound = np.abs(np.frombuffer(pcm, np.int16).astype(int))
    assert len(sound) / 48000 == pytest.approx(1, abs=0.06)
    loud = np.flatnonzero(sound > 500)[0] / 48000
    assert loud == pytest.approx(silent, abs=0.03)
    assert sound[-24000:].max() > 1000


@pytest.mark.parametrize(
    ("suffix", "late", "start", "expected"), [("ts", "0", "0.51", (12, 13)), ("mkv", "0.5", None, (12, 13))]
)
def test_a_part_ends_where_it_was_said(tools, tmp_path, suffix, late, start, expected):
    source, target = tmp_path / f"in.{suffix}", tmp_path / "out.mp4"
    tools.run("-itsoffset", late, "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2",
              "-f", "lavfi", "-i", "sine=duration=2.5", *MIX, "-bf", "0", "-c:a", "aac", source)  # fmt: skip
    duration = Fraction("0.5") if start else Fraction(1)
    paint(source, target, start=Fraction(start) if start else None, duration=duration)
    assert len(tools.times(target)) in expected
    assert max(tools.times(target)) - min(tools.times(target)) < 0.5


def test_a_cut_of_a_clock_that_wraps_keeps_its_sound(tools, clip, tmp_path):
    """The 33 bits of a transport stream's clock last 95,443.7 seconds."""
    tools.run("-i", clip, "-c", "copy", "-output_ts_offset", "95441.9", tmp_path / "in.ts")
    paint(tmp_path / "in.ts", tmp_path / "out.mkv", start=Fraction("0.4"))
    assert len(tools.times(tmp_path / "out.mkv")) == 15
    sound = [time for time, _ in tools.packets(tmp_path / "out.mkv")]
    assert sound[0] == pytest.approx(0, abs=0.05)
    assert sound[-1] == pytest.approx(0.6, abs=0.05)


def test_cropping_by_the_container_stretches_nothing(tools, tmp_path):
    """Newer ffmpegs cut off what Matroska's PixelCropBottom says, older ones show everything."""
    data = matroska.header(48, 64, PLAIN.code, Fraction(25), "")
    place = data.rindex(b"\x2e\xb5\x24")  # the colors of the picture
    data = bytearray(data[:place] + bytes.fromhex("54AA8110") + data[place:])
    for code in ("E0", "AE", "1654AE6B"):
        at = data.rindex(bytes.fromhex(code + "01"), 0, place) + len(code) // 2
        data[at : at + 8] = (int.from_bytes(data[at : at + 8], "big") + 4).to_bytes(8, "big")
    for n in range(3):
        data += matroska.frame_header(Fraction(n, 25), Fraction(1, 25), 48 * 64 * 3) + bytes(48 * 64 * 3)
    (tmp_path / "in.mkv").write_bytes(data)
    show = [tools.ffmpeg, "-i", tmp_path / "in.mkv", "-frames:v", "1", tmp_path / "shown.png"]
    subprocess.run(show, check=True, capture_output=True, timeout=PATIENCE)
    paint(tmp_path / "in.mkv", tmp_path / "out.mp4")
    height, width = cv2.imread(str(tmp_path / "shown.png")).shape[:2]
    assert height in (48, 64)
    assert tools.info(tmp_path / "out.mp4").video.shown_size == (width, height)
