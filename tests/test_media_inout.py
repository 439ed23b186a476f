"""What else may come in and go out: pictures by number, animations, addresses, cameras, raw pipes."""

import http.server
import os
import socket
import subprocess
import threading
from fractions import Fraction
from functools import partial

import forks
import numpy as np
import pytest
from conftest import SOFT
from identity import close, paint
from processes import PATIENCE

from reconet_cli.errors import MediaError
from reconet_cli.video.inputs.names import source_named
from reconet_cli.video.inputs.series import pictures_of
from reconet_cli.video.probing.probe import input_arguments

SIZE = 96 * 64 * 3


@pytest.fixture
def pictures(tools, tmp_path):
    """Eleven pictures of rising brightness, numbered without zeros."""
    folder = tmp_path / "pictures 'of' %d"
    folder.mkdir()
    for number in range(1, 12):
        tools.run("-f", "lavfi", "-i", f"color=0x{number * 20:02x}{number * 20:02x}{number * 20:02x}:size=64x48",
                  "-frames:v", "1", "-update", "1", folder / f"frame {number}.png")  # fmt: skip
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_text("no picture either")
    return folder


@pytest.mark.parametrize("by", ["folder", "pattern"])
def test_pictures_become_a_video(tools, pictures, tmp_path, by):
    source = pictures if by == "folder" else pictures / "frame %d.png"
    target = tmp_path / "out.mp4"
    seen = []
    paint(source, target, network=lambda frame: seen.append(int(frame[0, 0, 0])) or frame, rate=Fraction(10))
    assert np.abs(np.array(seen) - np.arange(20, 240, 20)).max() <= 1
    assert close(tools.times(target), [n / 10 for n in range(11)])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("reconet-")] == []


def test_pictures_by_their_numbers(pictures):
    assert [path.stem for path in pictures_of(pictures)] == [f"frame {number}" for number in range(1, 12)]
    with pytest.raises(MediaError, match="no picture is called like"):
        pictures_of(pictures / "other %d.png")


def test_pictures_of_two_sizes_give_a_message(tools, pictures, tmp_path):
    tools.run("-f", "lavfi", "-i", "color=red:size=32x48", "-frames:v", "1", "-update", "1", pictures / "frame 5.png")
    with pytest.raises(MediaError, match="size changes half way"):
        paint(pictures, tmp_path / "out.mp4")
    paint(pictures, tmp_path / "out.mp4", size=(64, 48))
    assert len(tools.times(tmp_path / "out.mp4")) == 11


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("name", ["100%d 5% new/", "made/f-%03d.{}"])
def test_video_becomes_pictures(tools, clip, tmp_path, suffix, name):
    if name.endswith("/") and suffix == "jpg":
        pytest.skip("a folder gets png")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "kept.txt").touch()
    target = f"{tmp_path}/{name.format(suffix)}"
    notes = paint(clip, target)
    folder = tmp_path / name.split("/")[0]
    found = sorted(path for path in folder.iterdir() if path.suffix == f".{suffix}")
    assert len(found) == 25
    assert found[0].name in ("000001.png", f"f-001.{suffix}")
    shown = np.stack([tools.pixels(path)[0] for path in found[::8]]).astype(int)
    assert np.abs(shown - tools.pixels(clip)[::8]).mean() < 3
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]
    assert any("sound" in note for note in notes)
    with pytest.raises(MediaError, match="is there already"):
        paint(clip, target)
    paint(clip, target, overwrite=True)


def test_nothing_is_left_of_pictures_that_fail(tools, clip, tmp_path):
    def network(frame):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        paint(clip, f"{tmp_path}/out/", network=network)
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]


def test_animations(tools, clip, tmp_path):
    notes = paint(clip, tmp_path / "a.webp")
    assert any("sound" in note for note in notes)
    assert (tmp_path / "a.webp").read_bytes().count(b"ANMF") == 25
    paint(clip, tmp_path / "a.apng")
    paint(clip, tmp_path / "a.gif")
    for name in ("a.apng", "a.gif"):
        paint(tmp_path / name, tmp_path / f"{name}.mp4")
        assert close(tools.times(tmp_path / f"{name}.mp4"), tools.times(clip), 0.006)
    known = subprocess.run([os.environ["RECONET_FFMPEG"], "-demuxers"], capture_output=True, timeout=PATIENCE).stdout
    if b"webp_anim" not in known:
        with pytest.raises(MediaError, match="animated WebP"):
            paint(tmp_path / "a.webp", tmp_path / "b.mp4")
    else:
        paint(tmp_path / "a.webp", tmp_path / "b.mp4")
        assert close(tools.times(tmp_path / "b.mp4"), tools.times(clip))


def test_address_to_read_from(tools, clip, tmp_path):
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=clip.parent)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{clip.name}"
        paint(address, tmp_path / "out.mp4")
        with pytest.raises(MediaError, match="no video or picture that ffmpeg can read"):
            paint(address + ".missing", tmp_path / "no.mp4")
        server.shutdown()
    assert len(tools.times(tmp_path / "out.mp4")) == 25
    assert tools.packets(tmp_path / "out.mp4")[0][1] == tools.packets(clip)[0][1]


def test_address_to_send_to(tools, clip, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        port = receiver.getsockname()[1]
        sender = threading.Thread(target=paint, args=(clip, f"udp://127.0.0.1:{port}?pkt_size=1316"))
        sender.start()
        packet = receiver.recv(2000)
        sender.join(30)
    assert packet[0] == 0x47  # every MPEG-TS packet's first byte
    assert packet[188] == 0x47


@pytest.mark.parametrize(
    ("name", "kind", "url"),
    [("v4l2:/dev/video7", "v4l2", "/dev/video7"), ("avfoundation:0", "avfoundation", "0"),
     ("dshow:video=USB Camera", "dshow", "video=USB Camera")],
)  # fmt: skip
def test_cameras(tmp_path, name, kind, url):
    from contextlib import ExitStack

    source = source_named(name, Fraction(30), (640, 480), ExitStack())
    assert (source.url, source.name, source.passing) == (url, name, True)
    assert source.options == {"f": kind, "framerate": "30", "video_size": (640, 480)}
    said = " ".join(input_arguments(source))
    assert all(words in said for words in (f"-f {kind} ", "-framerate 30", "-video_size 640x480", f"-i {url}"))
    with pytest.raises(MediaError):
        paint(name, tmp_path / "out.mp4")


@pytest.mark.parametrize("kind", ["yuv420p", "rgb48le"])
def test_raw_frames_of_other_kinds(tools, clip, stylize, tmp_path, kind):
    raw = tools.run("-i", clip, "-vf", f"scale=out_color_matrix=bt601,format={kind}", "-f", "rawvideo", "-").stdout
    command = [*stylize, "-", "-", "--size", "96x64", "--fps", "25", "--input-format", kind]
    done = forks.run(command, input=raw, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == len(raw)
    values = np.uint16 if kind == "rgb48le" else np.uint8
    gap = np.abs(np.frombuffer(done.stdout, values).astype(int) - np.frombuffer(raw, values))
    assert gap.mean() <= (0 if kind == "rgb48le" else 1)


def test_deep_frames_to_a_pipe(tools, stylize):
    source = tools.clip("ten.mp4", seconds=0.2, sound=(), filters=f"{SOFT},format=yuv444p16,format=yuv420p10le",
                        options=("-c:v", "libx264", "-preset", "ultrafast"))  # fmt: skip
    done = forks.run([*stylize, str(source), "-", "--format", "rgb48le"], capture_output=True, timeout=PATIENCE)
    values = np.frombuffer(done.stdout, np.uint16)
    assert len(values) == SIZE * 5
    assert len(np.unique(values)) > 300


@pytest.mark.parametrize(
    ("form", "start"), [("matroska", b"\x1a\x45\xdf\xa3"), ("mpegts", b"\x47"), ("mp4", b"\x00\x00\x00")]
)
def test_containers_to_a_pipe_carry_sound(tools, clip, stylize, tmp_path, form, start):
    done = forks.run([*stylize, str(clip), "-", "--format", form], capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(start)
    target = tmp_path / "out.bin"
    target.write_bytes(done.stdout)
    assert len(tools.times(target)) == 25
    assert tools.info(target).of_kind("audio")


def test_pipe_into_pictures(tools, clip, stylize, tmp_path):
    raw = tools.run("-i", clip, "-f", "rawvideo", "-pix_fmt", "rgb24", "-").stdout
    target = tmp_path / "out-%d.png"
    command = [*stylize, "-", str(target), "--size", "96x64", "--fps", "25"]
    done = forks.run(command, input=raw, capture_output=True, timeout=PATIENCE, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("out-*.png"))) == 25
    first = tools.pixels(tmp_path / "out-1.png")[0]
    assert np.array_equal(first.ravel(), np.frombuffer(raw[:SIZE], np.uint8))


@pytest.mark.skipif(os.name == "nt", reason="the encoder gets no second pipe there")
@pytest.mark.parametrize("kind", ["mpegts", "matroska"])
def test_a_stream_is_opened_once_and_keeps_its_sound(tools, clip, tmp_path, kind):
    content = tools.run("-i", clip, "-c", "copy", "-f", kind, "-").stdout
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.sendall(content)

        threading.Thread(target=serve, daemon=True).start()
        target = tmp_path / "out.mkv"
        assert paint(f"tcp://127.0.0.1:{server.getsockname()[1]}", target) == []
    assert len(tools.times(target)) == 25
    assert np.diff(tools.times(target)) == pytest.approx(0.04, abs=1e-3)
    assert len(tools.packets(target)) == len(tools.packets(clip))
    if kind == "matroska":
        assert [sum for _, sum in tools.packets(target)] == [sum for _, sum in tools.packets(clip)]
        gap = tools.packets(target)[0][0] - tools.packets(clip)[0][0]
        assert tools.times(target)[0] - tools.times(clip)[0] == pytest.approx(gap, abs=2e-3)


def test_a_stream_that_is_not_there(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(MediaError, match=rf"{name} cannot be opened: .*refused"):
        paint(name, tmp_path / "out.mkv")


def test_a_container_through_pipes_keeps_its_sound(tools, clip, stylize, tmp_path):
    for kind, form in (("matroska", "matroska"), ("mpegts", "matroska"), ("mpegts", "mp4")):
        content = tools.run("-i", clip, "-c", "copy", "-f", kind, "-").stdout
        done = forks.run([*stylize, "-", "-", "--format", form], input=content, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        target = tmp_path / f"{kind}.{form}"
        target.write_bytes(done.stdout)
        assert len(tools.times(target)) == 25
        # From MPEG-TS it is encoded again, because its head is not known when the output's has to be written.
        assert (b"re-encoded" in done.stderr) == (kind == "mpegts")
        assert len(tools.packets(target)) == pytest.approx(len(tools.packets(clip)), abs=2)


@pytest.mark.parametrize(("kind", "piped"), [("yuv420p", True), ("yuv422p10le", False), ("yuv411p", True)])
def test_y4m_that_is_cut_off_inside_a_frame(tools, clip, stylize, tmp_path, kind, piped):
    file, out = tmp_path / "clip.y4m", tmp_path / "out.mp4"
    tools.run("-i", clip, "-frames:v", "3", "-pix_fmt", kind, "-strict", "-1", file)
    whole = file.read_bytes()
    for content, words in ((whole, False), (whole[:-1], True)):
        file.write_bytes(content)
        command = [*stylize, "-" if piped else str(file), str(out), "-y"]
        done = forks.run(command, input=content, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert (b"ended inside a frame" in done.stderr) == words
        assert len(tools.times(out)) == (2 if words else 3)
