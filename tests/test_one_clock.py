"""Recordings joined as bytes: what comes after the join follows what comes before it, in step with its sound."""

import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from identity import paint


def joined(tools, clip, path, second):
    """A clip twice in one file; the second one's clock begins at `second`."""
    codecs = ["-c:v", "mpeg2video", "-c:a", "mp2"] if path.suffix == ".vob" else ["-c", "copy"]
    halves = []
    for begin in (0, second):
        half = path.with_stem(f"half{begin}")
        tools.run("-i", clip, *codecs, "-output_ts_offset", str(begin), half)
        halves.append(half.read_bytes())
    path.write_bytes(b"".join(halves))
    return path


@pytest.mark.parametrize(("suffix", "second"), [(".ts", 0), (".ts", 5000), (".vob", 0)])
def test_a_clock_that_leaps(tools, clip, tmp_path, monkeypatch, suffix, second):
    source = joined(tools, clip, tmp_path / f"in{suffix}", second)
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    paint(source, tmp_path / "out.mp4")
    times = tools.times(tmp_path / "out.mp4")
    assert len(times) >= 49
    assert max(b - a for a, b in pairwise(times)) < 0.2
    assert times[-1] - times[0] == pytest.approx(1.96, abs=0.15)
    sound = [time for time, _ in tools.packets(tmp_path / "out.mp4")]
    assert sound[-1] - sound[0] == pytest.approx(2, abs=0.15)
    assert sum(b - a < 0.01 for a, b in pairwise(sound)) < 5  # the sound before the join ends after its pictures
    assert list(Path(spare).iterdir()) == []


def test_a_playlist_with_a_break(tools, clip, tmp_path):
    for name in ("0.ts", "1.ts"):
        tools.run("-i", clip, "-c", "copy", tmp_path / name)
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", "0.ts", "#EXT-X-DISCONTINUITY", "#EXTINF:1,", "1.ts"]
    (tmp_path / "in.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
    assert paint(tmp_path / "in.m3u8", tmp_path / "out.mp4", lists=True) == []
    times = tools.times(tmp_path / "out.mp4")
    assert [time - times[0] for time in times] == pytest.approx([n / 25 for n in range(50)], abs=0.03)  # of sound
