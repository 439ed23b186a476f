"""What `ffmpeg -i` prints about an input, without the lines that the input's own tags can write."""

from __future__ import annotations

import re

from reconet_cli.video.ffmpeg.process import COLOR

# The description is not colored, but the end of what is said before it is, and the middle of each stream's line.
_BEFORE = re.compile(rf"{COLOR}(?=\[info\] Input #0, )")
_CLOCK = re.compile(rf"{COLOR}, \d+, \d+/\d+{COLOR}")
_STREAM = re.compile(r"\[info\] +(Stream #0:(\d+))")
_DURATION = re.compile(r"^\[info\]   Duration: .*", re.MULTILINE)
_MARK = re.compile(r"^\[info\] ", re.MULTILINE)
# A tag's value goes on behind a colon, but a tag's name may have lines like these.
_IMITATION = re.compile(r"^\s*(Input #|Duration: |Stream #).*\n?", re.MULTILINE)


def trusted(log: str) -> str:
    """The description in a colored log of the level debug, without marks and colors; empty where there is none.

    Only ffmpeg can write colors: it replaces control characters in all that comes from a file. A length that several
    lines state is left out, and nothing is left where the numbers of the streams do not count them.
    """
    begins = [match.end() for match in _BEFORE.finditer(log)]
    if not begins:
        return ""
    before, *rest = _CLOCK.split(log[begins[-1] :])
    durations = _DURATION.findall(before)
    said = [before.partition("\n")[0], *(durations if len(durations) == 1 else ())]
    numbers = []
    for text in rest:
        *_, begin = _STREAM.finditer(before)
        numbers.append(int(begin[2]))
        own, _, behind = text.partition("\n")
        said.append("  " + before[begin.start(1) :].replace("\n", " ") + own)
        said.append(_IMITATION.sub("", _MARK.sub("", behind)))
        before = text
    return _MARK.sub("", "\n".join(said)) if sorted(numbers) == list(range(len(numbers))) else ""
