"""Paint a picture with ONNX Runtime and numpy alone: `python examples/onnx_frame.py mosaic.onnx in.ppm out.ppm`.

PPM needs no library: a line of text and the bytes. `ffmpeg -i photo.jpg photo.ppm` makes one, and the other way round.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime


def main() -> None:
    """Read, paint, write."""
    model, source, target = sys.argv[1:]
    content = Path(source).read_bytes()
    magic, width, height, levels = content.split(maxsplit=4)[:4]
    if (magic, levels) != (b"P6", b"255"):
        sys.exit(f"{source} is no PPM with 8 bits")
    shape = (int(height), int(width), 3)
    frame = np.frombuffer(content[-int(np.prod(shape)) :], np.uint8).reshape(shape)

    session = onnxruntime.InferenceSession(model)
    if session.get_inputs()[0].type == "tensor(uint8)":  # --io uint8: rows, columns, colors; 0 to 255
        painted = session.run(None, {"frame": frame[None]})[0][0]
    else:  # --io float: colors, rows, columns; 0 to 1
        image = frame.transpose(2, 0, 1)[None].astype(np.float32) / 255
        painted = (session.run(None, {"frame": image})[0][0].transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8)
    Path(target).write_bytes(b"P6\n%d %d\n255\n" % (shape[1], shape[0]) + painted.tobytes())


if __name__ == "__main__":
    main()
