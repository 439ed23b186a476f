"""Time codes (SMPTE 12M): hours:minutes:seconds:frames on a camera's clock, of the first frame of a clip."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil

_CODE = re.compile(r"(\d{1,2}):(\d\d):(\d\d)([:;.])(\d{2,3})")
_DAY = 24 * 3600


def moved(code: str, rate: Fraction, start: Fraction, new_rate: Fraction) -> str:
    """The time code that a clip of `rate` frames a second has `start` seconds later, for one of `new_rate`.

    Empty where `code` is none, or the new rate has no such time code: below one frame a second, or dropped numbers
    (`;`) at a rate that drops none.
    """
    match = _CODE.fullmatch(code)
    old, new = round(rate), round(new_rate)
    if match is None or old < 1 or new < 1:
        return ""
    drop = match[4] != ":"
    if drop and (old % 30 or new % 30):
        return ""
    hours, minutes, seconds, frames = (int(match[n]) for n in (1, 2, 3, 5))
    number = ((hours * 60 + minutes) * 60 + seconds) * old + frames
    if drop:  # the first numbers of every minute that is not a tenth one are left out
        passed = hours * 60 + minutes
        number -= _dropped(old) * (passed - passed // 10)
    if old != new:
        number = number * new // old
    return _written(number + ceil(start * new_rate), new, drop=drop)  # the first frame that is not before it


def _dropped(rate: int) -> int:
    return 2 * rate // 30


def _written(number: int, rate: int, *, drop: bool) -> str:
    if drop:
        gap = _dropped(rate)
        tens, rest = divmod(number, 600 * rate - 9 * gap)
        number += gap * 9 * tens + gap * max(0, (rest - gap) // (60 * rate - gap))
    seconds, frames = divmod(number, rate)
    seconds %= _DAY
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{';' if drop else ':'}{frames:02}"
