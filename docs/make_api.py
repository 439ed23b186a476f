"""Print docs/api.md from the docstrings of the library's public names: `python docs/make_api.py > docs/api.md`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import reconet_cli as reconet
from reconet_cli import errors

INTRODUCTION = """# The Python library

`import reconet_cli as reconet` loads neither PyTorch nor OpenVINO; names are looked up when they are first used. The
library is typed, prints nothing, and logs to the logger `reconet`, which `reconet -v` shows in full. Errors
are raised as [`ReconetError`](#reconeterror), with a hint. [examples/library.py](../examples/library.py) shows most of
it in use.

Frames are RGB, `uint8` or `uint16`, `(H, W, 3)`. A flow a→b is `float32`, `(2, H, W)`, in pixels, x first.

This page is made from the docstrings by `python docs/make_api.py > docs/api.md`."""

GROUPS = {
    "Stylize": (
        "load_style",
        "LoadedStyle",
        "stylize",
        "stylize_frames",
        "preview",
        "deflicker",
        "open_video",
        "Video",
    ),
    "Train and export": ("train_style", "TrainingStopped", "export_style"),
    "Optical flow": ("estimate_flow", "warp", "visibility"),
    "Measure": ("evaluate", "ClipReport", "evaluate_truth", "TruthReport"),
    "Errors": ("ReconetError",),
}


def page() -> str:
    """The whole page."""
    missing = {name for name in reconet.__all__ if not name.startswith("_")} - set(sum(GROUPS.values(), ()))
    if missing:
        raise SystemExit(f"docs/make_api.py: add {', '.join(sorted(missing))} to one of its GROUPS")
    parts = [INTRODUCTION]
    for group, names in GROUPS.items():
        parts.append(f"## {group}")
        parts += [section for name in names for section in _entry(name, getattr(reconet, name))]
    kinds = [f"- `{kind.__name__}`: {_text(kind)}" for kind in vars(errors).values() if _is_kind(kind)]
    return "\n\n".join([*parts, "Its kinds, in `reconet_cli.errors`:", "\n".join(kinds)]) + "\n"


def _is_kind(thing: Any) -> bool:
    return inspect.isclass(thing) and issubclass(thing, errors.ReconetError) and thing is not errors.ReconetError


def _entry(name: str, thing: Any) -> Iterator[str]:
    """A heading, the signature, the docstring with its examples as code, and the public members of a class."""
    yield f"### {name}"
    yield f"```py\n{_signature(name, thing)}\n```"
    yield re.sub(r"(?m)^(>>> .*(?:\n(?!\n).*)*)", r"```pycon\n\1\n```", inspect.getdoc(thing) or "")
    if inspect.isclass(thing):
        own = [kind for kind in reversed(thing.__mro__) if kind.__module__.startswith("reconet_cli")]
        names = dict.fromkeys(name for kind in own for name in vars(kind))
        members = [_member(name, getattr(thing, name)) for name in names if _is_public(name, getattr(thing, name))]
        if members:
            yield "\n".join(members)


def _is_public(name: str, member: Any) -> bool:
    shown = not name.startswith("_") or name in ("__call__", "__iter__")
    return shown and (inspect.isfunction(member) or isinstance(member, property)) and bool(inspect.getdoc(member))


def _member(name: str, member: Any) -> str:
    if isinstance(member, property):
        return f"- **`{name}`** (`{member.fget.__annotations__['return']}`): {_text(member)}"
    return f"- **`{_call(name, member)[0]}`**: {_text(member)}"


def _text(thing: Any) -> str:
    """A docstring as one line."""
    return re.sub(r"\s+", " ", inspect.getdoc(thing) or "")


def _signature(name: str, thing: Any) -> str:
    if inspect.isclass(thing):
        base = thing.__bases__[0].__name__
        return f"class {name}({base})" if issubclass(thing, Exception) else f"class {name}"
    line, names, returned = _call(name, thing)
    return line if len(line) <= 100 else f"{name}(\n    " + ",\n    ".join(names) + f",\n){returned}"


def _call(name: str, function: Any) -> tuple[str, list[str], str]:
    """How a function is called, as one line and in its parts; annotations are text, as they are written."""
    signature = inspect.signature(function)
    names: list[str] = []
    for one in signature.parameters.values():
        if one.name == "self":
            continue
        if one.kind is one.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        stars = "**" if one.kind is one.VAR_KEYWORD else ""
        default = "" if one.default is one.empty else f" = {one.default!r}"
        names.append(f"{stars}{one.name}: {one.annotation}{default}")
    returned = f" -> {signature.return_annotation}"
    return f"{name}({', '.join(names)}){returned}", names, returned


if __name__ == "__main__":
    sys.stdout.write(page())
