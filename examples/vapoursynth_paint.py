"""Paint in VapourSynth with an exported style, ONNX Runtime and numpy; nothing of reconet itself is needed.

`reconet export --style mosaic mosaic.onnx` writes the style; docs/vapoursynth.md has a whole script.
"""

from typing import Any

import numpy as np
import onnxruntime
import vapoursynth as vs


def paint(clip: vs.VideoNode, model: str) -> vs.VideoNode:
    """An RGBS clip, painted. `model` is what `reconet export` writes (`--io float`, the default)."""
    if clip.format is None or clip.format.id != vs.RGBS:
        raise vs.Error("paint takes RGBS: resize.Bicubic(clip, format=vs.RGBS) makes it")
    session = onnxruntime.InferenceSession(model)

    def painted(n: int, f: Any) -> Any:
        # The three planes of RGBS are what the network takes: float32 in [0, 1].
        frame = np.stack([np.asarray(f[plane]) for plane in range(3)])
        (result,) = session.run(None, {"frame": frame[None].clip(0, 1)})
        shown = f.copy()
        for plane in range(3):
            np.asarray(shown[plane])[:] = result[0, plane]
        return shown

    return clip.std.ModifyFrame(clip, painted)
