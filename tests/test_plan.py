"""What is read and written, decided before anything runs: no ffmpeg starts in here."""

from fractions import Fraction

import pytest

from reconet_cli.errors import MediaError
from reconet_cli.video.plan import plan_reading, plan_writing
from reconet_cli.video.probing.color import Color
from reconet_cli.video.probing.examine import Input
from reconet_cli.video.probing.info import MediaInfo, Stream, VideoStream
from reconet_cli.video.probing.source import Source
from reconet_cli.video.probing.tags import Tags
from reconet_cli.video.request import Request

ONE = Fraction(1)


def film(**changes):
    known = {
        "width": 161, "height": 91, "aspect": ONE, "rate": Fraction(25), "average": Fraction(25), "constant_rate": True,
        "ticks": 25, "pixel_format": "yuv420p10le", "color": Color(), "cover": False,
    }  # fmt: skip
    video = VideoStream(0, "video", "h264", "", **(known | changes))
    others = (Stream(1, "audio", "pcm_s24le", "ger"), Stream(2, "subtitle", "hdmv_pgs_subtitle", ""))
    info = MediaInfo("matroska", Fraction(4), Fraction(0), (video, *others))
    return Input(Source("file:film.mkv", "film.mkv"), info, video, tags=Tags({"title": "A film", "odd": "x"}))


def written(found, output, second=None, **options):
    reading = plan_reading(Request("film.mkv", output, **options), found)
    layout = reading.options.layout
    plan = plan_writing(reading.request, found, found.video.shown_size, ONE, reading.rate, layout, second)
    return reading, plan


def codecs(plan):
    return {passage.stream.index: passage.codec for passage in plan.original.kept.passages}


@pytest.mark.parametrize(
    ("output", "kept"), [("o.mkv", {1: "copy", 2: "copy"}), ("o.mp4", {1: "aac"}), ("o.webm", {1: "libopus"})]
)
def test_tracks_are_copied_converted_or_left_out(output, kept):
    _, plan = written(film(), output)
    assert codecs(plan) == kept
    assert [stream.index for stream in plan.original.kept.dropped] == ([] if 2 in kept else [2])
    assert any("is re-encoded with" in note for note in plan.notes) == ("copy" not in kept.values())
    assert any("left out" in note and "subtitle stream 2" in note for note in plan.notes) == (2 not in kept)


def test_frames_keep_their_depth_and_get_an_even_size_where_the_encoder_needs_that():
    reading, plan = written(film(), "o.mp4")
    assert reading.options.layout.sixteen_bit
    assert plan.frames.size == (162, 92)
    assert "libx264 needs an even size: 161x91 becomes 162x92" in plan.notes
    reading, plan = written(film(), "o.gif")
    assert not reading.options.layout.sixteen_bit
    assert "film.mkv has more than 8 bits a channel: gif keeps 8" in reading.notes


def test_a_pipes_sound_is_read_a_second_time_or_left_out():
    found = film()
    found = Input(Source("pipe:0", "standard input", passing=True), found.info, found.video)
    reading, plan = written(found, "o.mkv")
    assert reading.shared
    assert plan.original is None
    assert plan.notes[-1] == "sound is left out: standard input can be read only once"
    _, plan = written(found, "o.mkv", second=7)
    assert plan.original.source.url == "pipe:7"


def test_what_does_not_fit_is_said_before_anything_is_read():
    for output, options, words in (
        ("o.png", {}, "o.png is a picture, but the input is a video"),
        ("o.mp4", {"start": Fraction(5)}, "--start 5 is behind the end of film.mkv"),
        ("o.mp4", {"hdr": "reject"}, "film.mkv is PQ"),
    ):
        with pytest.raises(MediaError, match=words):
            written(film(color=Color(transfer="smpte2084")), output, **options)
    reading, _ = written(film(), "o-%03d.png")
    assert (reading.request.series, reading.total) == (True, 100)
