"""The sound of the example clip: a soft chord, wind over water, and a few plucked notes, in stereo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 48000
Sound = NDArray[np.float64]


def frequency(key: float) -> float:
    """Pitch in hertz of a MIDI key number."""
    return float(440.0 * 2 ** ((key - 69) / 12))


def ramp(t: Sound, begin: float, end: float) -> Sound:
    """Raised cosine from 0 at ``begin`` to 1 at ``end`` seconds."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((t - begin) / (end - begin), 0, 1))


def pad(t: Sound, seconds: float) -> Sound:
    """Two overlapping chords, D major ninth into G major ninth, the voices slightly out of tune."""
    change = 0.52 * seconds
    chords = (((38, 50, 57, 61, 64), 1 - ramp(t, change - 0.7, change + 0.7)),
              ((43, 50, 59, 62, 66), ramp(t, change - 0.7, change + 0.7)))  # fmt: skip
    sound = np.zeros((2, t.size))
    for keys, level in chords:
        for i, key in enumerate(keys):
            for side, detune in enumerate((-0.04, 0.04)):
                pitch = frequency(key + detune)
                swell = 1 + 0.25 * np.sin(2 * np.pi * (0.31 + 0.05 * i) * t + i)
                for harmonic in range(1, 7):
                    phase = 2 * np.pi * harmonic * pitch * t + i * harmonic
                    sound[side] += level * swell * np.sin(phase) / harmonic**2.1
    return 0.05 * sound


def wind(t: Sound, rng: np.random.Generator) -> Sound:
    """Noise shaped like wind and small waves, its strength slowly rising and falling."""
    band = np.fft.rfftfreq(t.size, 1 / RATE)
    shape = np.exp(-(np.log(np.maximum(band, 1) / 420) ** 2) / 1.6)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, t.size))) * shape, t.size)
    gusts = 0.6 + 0.4 * np.sin(2 * np.pi * 0.23 * t + np.array([[0.0], [0.9]]))
    return 0.035 * noise / noise.std() * gusts


def plucks(t: Sound, seconds: float) -> Sound:
    """A slow melody of harp-like notes, panned about."""
    notes = ((0.35, 74, 0.3), (0.85, 78, 0.6), (1.35, 81, 0.4), (1.95, 85, 0.7), (2.75, 83, 0.35),
             (3.2, 78, 0.6), (3.65, 79, 0.45), (4.1, 74, 0.5))  # fmt: skip
    sound = np.zeros((2, t.size))
    for start, key, place in notes:
        after = t - start * seconds / 5
        alive = np.clip(after, 0, None)
        tone = np.zeros_like(t)
        for harmonic in range(1, 6):
            decay = np.exp(-alive * (1.6 + 1.3 * harmonic))
            tone += decay * np.sin(2 * np.pi * harmonic * frequency(key) * alive) / harmonic**1.3
        tone *= np.clip(alive / 0.006, 0, 1)
        sound += np.array([[np.sqrt(1 - place)], [np.sqrt(place)]]) * tone
    return 0.09 * sound


def reverb(sound: Sound, rng: np.random.Generator) -> Sound:
    """Blend in a room of decaying noise."""
    tail = np.arange(int(1.8 * RATE)) / RATE
    room = rng.standard_normal((2, tail.size)) * np.exp(-tail * 3.2)
    room /= np.sqrt((room**2).sum(1, keepdims=True))
    size = sound.shape[1] + tail.size
    echo = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[:, : sound.shape[1]]
    return 0.75 * sound + 0.45 * echo


def soundtrack(seconds: float) -> NDArray[np.int16]:
    """The whole sound, (samples, 2), faded in and out."""
    rng = np.random.default_rng(3)
    t = np.arange(round(seconds * RATE)) / RATE
    sound = reverb(pad(t, seconds) + plucks(t, seconds), rng) + wind(t, rng)
    sound *= ramp(t, 0, 0.12 * seconds) * (1 - ramp(t, 0.82 * seconds, 0.995 * seconds))
    sound *= 0.7 / np.abs(sound).max()
    return np.ascontiguousarray((sound.T * 32767).astype(np.int16))
