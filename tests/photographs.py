"""HEIC files as phones make them: tiles of HEVC, and how to turn and mirror what they make up."""

import struct

import numpy as np


def box(kind: bytes, *parts: bytes, version: int | None = None) -> bytes:
    head = b"" if version is None else struct.pack(">I", version << 24)
    body = head + b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def heic(tools, folder, pixels: np.ndarray, tile: int, turns: int = 0, mirror: int | None = None) -> bytes:
    """A picture of square tiles, all whole; `turns` by 90 degrees to the left, then `mirror`: 0 upside down, 1 left."""
    height, width = pixels.shape[:2]
    tiles = [
        _hevc(tools, folder, pixels[y : y + tile, x : x + tile])
        for y in range(0, height, tile)
        for x in range(0, width, tile)
    ]
    data = [sample for sample, _ in tiles]
    data.append(struct.pack(">4B2H", 0, 0, height // tile - 1, width // tile - 1, width, height))
    whole = len(data)
    numbers = range(1, whole + 1)
    names = [box(b"infe", struct.pack(">2H", n, 0), b"grid\0" if n == whole else b"hvc1\0", version=2) for n in numbers]
    properties = [tiles[0][1], _size(tile, tile), _size(width, height), box(b"irot", bytes([turns]))]
    properties += [] if mirror is None else [box(b"imir", bytes([mirror]))]
    first, last = (
        bytes([2, 0x81, 2]),
        bytes([len(properties) - 2, 3, *(0x80 | n for n in range(4, len(properties) + 1))]),
    )
    uses = b"".join(struct.pack(">H", n) + (last if n == whole else first) for n in numbers)
    refers = struct.pack(f">{whole + 1}H", whole, whole - 1, *numbers[:-1])

    def meta(start: int) -> bytes:
        places, at = b"", start
        for n, sample in zip(numbers, data, strict=True):
            places += struct.pack(">3H2I", n, 0, 1, at, len(sample))
            at += len(sample)
        return box(
            b"meta",
            box(b"hdlr", b"\0\0\0\0pict" + b"\0" * 13, version=0),
            box(b"pitm", struct.pack(">H", whole), version=0),
            box(b"iinf", struct.pack(">H", whole), *names, version=0),
            box(b"iref", box(b"dimg", refers), version=0),
            box(b"iprp", box(b"ipco", *properties), box(b"ipma", struct.pack(">I", whole), uses, version=0)),
            box(b"iloc", b"\x44\0", struct.pack(">H", whole), places, version=0),
            version=0,
        )

    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", *data)


def _size(width: int, height: int) -> bytes:
    return box(b"ispe", struct.pack(">2I", width, height), version=0)


def _hevc(tools, folder, pixels: np.ndarray) -> tuple[bytes, bytes]:
    """One picture as HEVC, and the box with its parameters, out of an MP4."""
    height, width = pixels.shape[:2]
    raw, made = folder / "tile.rgb", folder / "tile.mp4"
    raw.write_bytes(np.ascontiguousarray(pixels).tobytes())
    tools.run("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i", raw, "-c:v", "libx265", "-crf",
              "1", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none:pools=1", "-tag:v", "hvc1", made)  # fmt: skip
    data = made.read_bytes()
    raw.unlink()
    made.unlink()
    return _inside(data, b"mdat")[8:], _inside(data, b"hvcC")


def _inside(data: bytes, kind: bytes) -> bytes:
    """The box of a kind that occurs once."""
    at = data.index(kind) - 4
    return data[at : at + int.from_bytes(data[at : at + 4], "big")]
