"""Which of ffmpeg's formats an input file may have: those that hold all that they show."""

from __future__ import annotations

from typing import Any

from reconet_cli.video.ffmpeg.process import Process

# Left out are lists, manifests and scripts, which make ffmpeg open what they name: concat, dash, hls, imf, sdp, rtsp,
# vobsub, avisynth, lavfi … A list of what is allowed stays right when a new ffmpeg knows a new kind of list.
_PICTURES = """
    image2 image2pipe alias_pix brender_pix bmp_pipe cri_pipe dds_pipe dpx_pipe exr_pipe fits gem_pipe gif_pipe hdr_pipe
    ico j2k_pipe jpeg_pipe jpegls_pipe jpegxl_pipe jpegxs_pipe pam_pipe pbm_pipe pcx_pipe pfm_pipe pgm_pipe pgmyuv_pipe
    pgx_pipe phm_pipe photocd_pipe pictor_pipe png_pipe ppm_pipe psd_pipe qdraw_pipe qoi_pipe sgi_pipe sunrast_pipe
    svg_pipe tiff_pipe vbn_pipe webp_pipe xbm_pipe xpm_pipe xwd_pipe"""
# A folder's pictures may be called by another kind's name.
_MOVING_PICTURES = "apng gif jpegxl_anim mov webp_anim"
_VIDEOS = """
    3dostr 4xm anm apv argo_brp asf asf_o av1 avi avs avs2 avs3 bethsoftvid bfi bink bmv c93 cavsvideo cdg cdxl cine
    dcstr dfa dhav dirac dnxhd dsicin dv dxa ea ea_cdata evc film_cpk filmstrip flic flv frm gdv gxf h261 h263 h264 hevc
    hnm hxvs iamf idcin idf iff ifv ingenient ipmovie ipu iv8 ivf ivr jv kux live_flv lmlm4 lvf lxf m4v matroska mjpeg
    mjpeg_2000 mlv mm mods moflex mpeg mpegts mpegvideo mpjpeg msnwctcp mtv mv mvi mxf mxg nc nsv nut nuv obu ogg paf
    pdv pmp psxstr pva r3d rawvideo rl2 rm roq rpl sdr2 ser sga siff simbiosis_imx smjpeg smk smush swf thp tiertexseq
    tmv tty txd ty usm v210 v210x vc1 vc1test vividas vivo vmd vvc wc3movie webm wsvqa wtv xbin xmv yop yuv4mpegpipe
    adf bin"""
_SOUND = "aac ac3 aiff amr ape au caf dts eac3 flac mp3 truehd tta w64 wav wv"
_SUBTITLES = "ass srt webvtt"

PICTURES = ",".join([*_PICTURES.split(), *_MOVING_PICTURES.split()])
_ALL = ",".join([PICTURES, *_VIDEOS.split(), *_SOUND.split(), *_SUBTITLES.split()])
_REFUSED = "Format not on whitelist"


def alone(protocol: str = "file", *more: str) -> dict[str, Any]:
    """Options for an input that comes by ffmpeg's `protocol` and may open nothing else; `more` formats are allowed."""
    return {"format_whitelist": ",".join([_ALL, *more]), "protocol_whitelist": protocol}


def with_others() -> dict[str, Any]:
    """Options for a local file that may open others, here and elsewhere."""
    return {"protocol_whitelist": "file,crypto,data,http,https,httpproxy,tls,tcp,rtp,udp"}


def refused(process: Process) -> bool:
    """Whether a process has ended because its input is of no allowed format."""
    return process.said(_REFUSED)
