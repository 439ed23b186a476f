"""High dynamic range to standard, with filters that every ffmpeg has."""

from __future__ import annotations

from typing import Any

from reconet_cli.video.probing.color import Color

# Nits. What most HDR pictures are mastered for, and diffuse white in them (ITU-R BT.2408): the brightest SDR value.
PEAK = 1000.0
WHITE = 203.0
# SDR displays, ITU-R BT.1886.
DISPLAY_GAMMA = 2.4
# ITU-R BT.2100: the HLG system gamma for a display of 1000 nits, the constants of the PQ and HLG curves.
_HLG_GAMMA = 1.2
_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
# Luminance in linear BT.2020, into the channel that no HDR video has.
_LUMINANCE = (("ar", 0.2627), ("ag", 0.6780), ("ab", 0.0593), ("aa", 0))
# Linear BT.2020 to linear BT.709 (ITU-R BT.2087).
_TO_BT709 = (
    ("rr", 1.660491), ("rg", -0.587641), ("rb", -0.072850),
    ("gr", -0.124550), ("gg", 1.132900), ("gb", -0.008349),
    ("br", -0.018151), ("bg", -0.100579), ("bb", 1.118730),
)  # fmt: skip


def to_sdr(stream: Any, color: Color) -> Any:
    """Filter full-range PQ or HLG RGB frames into SDR RGB with BT.709 primaries and a 2.4 gamma.

    HLG becomes the light of a display of 1000 nits first, as in ITU-R BT.2100: its inverse OETF, then its OOTF, whose
    system gamma 1.2 is on luminance. Brightness is rolled off as in ITU-R BT.2390 (section 5.4.1), from a peak of 1000
    nits to diffuse white at 203, in each channel by itself. Every step is on 16-bit values.
    """
    stream = _root_of_light(stream) if color.hdr == "HLG" else stream.filter("format", pix_fmts="gbrp16le")
    table = f"maxval*({_linear(color.hdr)})"
    stream = stream.filter("lutrgb", r=table, g=table, b=table, a="maxval")
    if color.primaries in ("bt2020", "unknown"):
        stream = stream.filter("colorchannelmixer", **dict(_TO_BT709))
    table = f"maxval*pow(val/maxval,{1 / DISPLAY_GAMMA:.9f})"
    return stream.filter("lutrgb", r=table, g=table, b=table)


def pq(nits: float) -> float:
    """The PQ signal of a brightness (ITU-R BT.2100, table 4)."""
    power = (nits / 10_000) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _linear(kind: str) -> str:
    """An expression of `val` in 0..maxval: the light that an SDR display shows, 1 for diffuse white.

    ffmpeg's st(n,x) and ld(n) write and read registers; register 0 holds the signal, then the light.
    """
    steps = ("st(0,val/maxval)", *(_ROOT_TO_PQ if kind == "HLG" else ()), *_ROLL_OFF, *_PQ_TO_LIGHT)
    return ";".join(steps)


def _root_of_light(stream: Any) -> Any:
    """HLG to the square root of display light, 1 for the peak; it leaves something in the alpha channel.

    That light is E·Y^(gamma-1), where E is a channel of scene light and Y its luminance (ITU-R BT.2100, table 5).
    """
    table = f"st(0,val/maxval);maxval*if(lte(ld(0),0.5),ld(0)*ld(0)/3,(exp((ld(0)-{_C})/{_A})+{_B})/12)"
    stream = stream.filter("format", pix_fmts="gbrap16le").filter("lutrgb", r=table, g=table, b=table)
    stream = stream.filter("colorchannelmixer", **dict(_LUMINANCE))
    root, gamma = "maxval*sqrt(val/maxval)", f"maxval*pow(val/maxval,{(_HLG_GAMMA - 1) / 2})"
    return stream.filter("lutrgb", r=root, g=root, b=root, a=gamma).filter("premultiply", inplace=1)


# The square root of display light to PQ (ITU-R BT.2100, table 4).
_ROOT_TO_PQ = (
    f"st(1,pow({PEAK / 10_000}*ld(0)*ld(0),{_M1}))",
    f"st(0,pow(({_C1}+{_C2}*ld(1))/(1+{_C3}*ld(1)),{_M2}))",
)
# The Hermite spline above the knee (ITU-R BT.2390), on signals relative to the peak's.
_MOST = pq(WHITE) / pq(PEAK)
_KNEE = 1.5 * _MOST - 0.5
_ROLL_OFF = (
    f"st(0,min(1,ld(0)/{pq(PEAK)}))",
    f"st(1,(ld(0)-{_KNEE})/{1 - _KNEE})",
    f"st(2,(2*pow(ld(1),3)-3*pow(ld(1),2)+1)*{_KNEE})",
    f"st(2,ld(2)+(pow(ld(1),3)-2*pow(ld(1),2)+ld(1))*{1 - _KNEE})",
    f"st(2,ld(2)+(3*pow(ld(1),2)-2*pow(ld(1),3))*{_MOST})",
    f"st(0,{pq(PEAK)}*if(lt(ld(0),{_KNEE}),ld(0),ld(2)))",
)
_PQ_TO_LIGHT = (
    f"st(1,pow(ld(0),{1 / _M2}))",
    f"min(1,{10_000 / WHITE}*pow(max(0,ld(1)-{_C1})/({_C2}-{_C3}*ld(1)),{1 / _M1}))",
)
