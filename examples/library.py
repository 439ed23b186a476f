"""The Python library in one go: `python examples/library.py CLIP FOLDER` (examples/clip.mp4 and a new folder).

Paints a clip, paints its frames one by one, follows a motion, measures flicker, trains a style and exports one.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import reconet_cli as reconet


def main(clip: str, folder: Path) -> None:
    """Do it all."""
    folder.mkdir(exist_ok=True)
    style = reconet.load_style("mosaic")

    def show(done: int, total: int | None) -> None:
        print(f"\r{done} of {total or '?'} frames", end="", file=sys.stderr)

    outcome = reconet.stylize(
        clip, folder / "painted.mp4", style=style, deflicker=True, duration=1, overwrite=True, progress=show
    )
    print(f"\npainted {outcome.frames} frames of {outcome.size[0]}x{outcome.size[1]} in {outcome.seconds:.1f} s")

    with reconet.open_video(clip) as video:
        print(f"{video.name}: {video.size[0]}x{video.size[1]}, {len(video.tracks)} tracks")
        frames = list(islice(video, 2))
        for frame in reconet.stylize_frames(frames, style):
            print(f"at {float(frame.time):.2f} s the mean color is {frame.pixels.mean((0, 1)).round()}")

    a, b = (frame.pixels for frame in frames)
    forward, backward = reconet.estimate_flow(a, b, method="dis"), reconet.estimate_flow(b, a, method="dis")
    visible = reconet.visibility(forward, backward)
    error = abs(reconet.warp(b, forward).astype(float) - a)[visible > 0].mean()
    print(f"{visible.mean():.0%} of the pixels are seen in both frames; brought together they differ by {error:.2f}")

    report = reconet.evaluate(clip, styles=[style], frames=5, loss_network=None)
    print(f"temporal error {report.clips[0].error():.4f}, the original's own {report.scores.source.error():.4f}")

    taught = reconet.train_style(
        Path(__file__).with_name("mosaic.jpg"), folder / "tiles", steps=2, size=64, overwrite=True,
        on_step=lambda done, losses: print(f"{done:.0%} of the steps, style loss {losses['style']:.2f}"),
    )  # fmt: skip
    print(f"{taught.name} is in {taught.path.parent}")

    differences = reconet.export_style(style.path, folder / "mosaic.onnx", overwrite=True)
    print(f"mosaic.onnx: {min(one.psnr for one in differences):.0f} dB or better")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
