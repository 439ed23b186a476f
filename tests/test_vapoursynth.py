"""The script for VapourSynth paints what `reconet` paints."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import reconet_cli as reconet

vs = pytest.importorskip("vapoursynth")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
EXAMPLE = Path(__file__).parents[1] / "examples/vapoursynth_paint.py"


def test_frames_are_those_of_the_library(tools, tmp_path):
    model = tmp_path / "mosaic.onnx"
    reconet.export_style("mosaic", model, verify=False)
    with reconet.open_video(tools.clip(seconds=0.2, sound=())) as video:
        frames = [frame.pixels for frame in video]
    height, width = frames[0].shape[:2]

    def filled(n, f):
        shown = f.copy()
        for plane in range(3):
            np.asarray(shown[plane])[:] = frames[n][..., plane]
        return shown

    blank = vs.core.std.BlankClip(format=vs.RGB24, width=width, height=height, length=len(frames))
    rgb = vs.core.resize.Bicubic(vs.core.std.ModifyFrame(blank, blank, filled), format=vs.RGBS)
    clip = runpy.run_path(str(EXAMPLE))["paint"](rgb, str(model))
    back = vs.core.resize.Bicubic(clip, format=vs.RGB24)
    style = reconet.load_style("mosaic", engine="torch", precision="fp32", device="cpu")
    for number, pixels in enumerate(frames):
        shown = np.stack([np.asarray(back.get_frame(number)[plane]) for plane in range(3)], axis=2)
        assert np.abs(shown.astype(int) - style(pixels)).max() <= 1
        again = np.stack([np.asarray(rgb.get_frame(number)[plane]) for plane in range(3)], axis=2)
        assert np.abs(again * 255 - pixels).max() < 0.01
    with pytest.raises(vs.Error, match="RGBS"):
        runpy.run_path(str(EXAMPLE))["paint"](blank, str(model))
