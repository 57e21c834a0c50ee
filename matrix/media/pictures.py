"""Pictures: drawn anew from what a stranger's file shows, and nothing else of it kept.

    bytes ── header: how large? ── decode ── stand upright ── encode ──> bytes of ours

A header that promises more than the bounds is refused before a pixel is made. What cannot be
decoded whole is refused. Position, camera, comments, colour profiles and whatever hides behind
the picture stay behind.
"""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps, ImageSequence

from config.errors import Invalid

MOST_PIXELS = 30_000_000
LONGEST_SIDE = 12_000
MOST_FRAMES = 300
MOST_MOVING_PIXELS = 20_000_000  # of all frames together

_FORMATS = ("JPEG", "PNG", "GIF")
_QUALITIES = (90, 80, 70, 60)
_SMALL_SIDE = 320
_COVER_SIDES = (600, 400, 240)
_PLAIN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
# what Pillow's decoders raise at a broken file
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Drawn:
    """A picture of ours: its bytes and what they are."""

    body: bytes
    mime: str


def redrawn(body: bytes, *, most_bytes: int) -> Drawn:
    """The picture as ours. Raises Invalid for one that is broken, too large, or moves as PNG."""
    try:
        picture = _opened(body)
        if _moves(picture):
            return Drawn(_moving(picture, most_bytes), "image/gif")
        return _encoded(_upright(picture), picture.format or "", most_bytes)
    except _BOMBS as error:
        raise _too_large() from error
    except (*_BROKEN, struct.error, zlib.error) as error:
        raise _refused("图片已损坏或不完整，请重新导出后再上传") from error


def cover(body: bytes, *, most_bytes: int) -> Drawn:
    """The picture as a small JPEG, as small as WeChat wants a cover to be. Raises Invalid."""
    try:
        picture = _opened(body)
        if _moves(picture):
            raise _refused("封面不能是动图，请上传静态图片")
        upright = _flat(_upright(picture))
    except _BOMBS as error:
        raise _too_large() from error
    except (*_BROKEN, struct.error, zlib.error) as error:
        raise _refused("图片已损坏或不完整，请重新导出后再上传") from error
    for side in _COVER_SIDES:
        upright.thumbnail((side, side))
        for quality in _QUALITIES:
            made = _saved(upright, "JPEG", quality=quality)
            if len(made) <= most_bytes:
                return Drawn(made, "image/jpeg")
    raise _refused("图片压缩后仍超过微信对封面的限制")


def small(body: bytes) -> bytes | None:
    """A JPEG for lists; None for what is no picture, or too large a one."""
    try:
        picture = _opened(body)
        picture.draft("RGB", (_SMALL_SIDE, _SMALL_SIDE))
        made = _flat(_upright(picture))
        made.thumbnail((_SMALL_SIDE, _SMALL_SIDE))
        return _saved(made, "JPEG", quality=80)
    except (*_BOMBS, *_BROKEN, Invalid, struct.error, zlib.error):
        return None


def _opened(body: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(body), formats=_FORMATS)
    width, height = picture.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise _too_large(width, height)
    return picture


def _moves(picture: Image.Image) -> bool:
    frames = getattr(picture, "n_frames", 1)
    if frames == 1:
        return False
    if picture.format != "GIF":
        raise _refused("微信不支持这种动图，请改用 GIF 或静态图片")
    if frames > MOST_FRAMES or frames * picture.width * picture.height > MOST_MOVING_PIXELS:
        raise _refused(f"动图太大，最多 {MOST_FRAMES} 帧，请缩小尺寸或减少帧数")
    return True


def _upright(picture: Image.Image) -> Image.Image:
    """The pixels alone, turned as the camera was held."""
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    if upright.mode not in _PLAIN_MODES:
        upright = upright.convert("RGB")
    bare = upright.copy()
    bare.info = {}
    if "transparency" in upright.info:
        bare.info["transparency"] = upright.info["transparency"]
    return bare


def _encoded(picture: Image.Image, format_was: str, most_bytes: int) -> Drawn:
    if format_was != "JPEG":
        made = _saved(picture, "PNG", optimize=True)
        if len(made) <= most_bytes:
            return Drawn(made, "image/png")
    flat = _flat(picture)
    for quality in _QUALITIES:
        made = _saved(flat, "JPEG", quality=quality)
        if len(made) <= most_bytes:
            return Drawn(made, "image/jpeg")
    raise _refused(f"图片重新编码后仍超过 {most_bytes // 2**20} MB，请缩小后再上传")


def _flat(picture: Image.Image) -> Image.Image:
    """Without transparency, on white, as JPEG wants it."""
    if picture.mode in ("L", "RGB") and "transparency" not in picture.info:
        return picture
    seen = picture.convert("RGBA")
    paper = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(paper, seen).convert("RGB")


def _moving(picture: Image.Image, most_bytes: int) -> bytes:
    frames, pauses = [], []
    for frame in ImageSequence.Iterator(picture):
        pauses.append(int(frame.info.get("duration") or 100))
        frames.append(frame.convert("RGBA"))
    for frame in frames:
        frame.info = {}
    made = _saved(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=pauses, loop=0
    )
    if len(made) > most_bytes:
        raise _refused(f"动图重新编码后超过 {most_bytes // 2**20} MB，请缩小后再上传")
    return made


def _saved(picture: Image.Image, format_name: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format_name, **options)
    return out.getvalue()


def _too_large(*size: int) -> Invalid:
    said = f"（{' × '.join(map(str, size))}）" if size else ""
    return _refused(
        f"图片的像素太多{said}，最多 {MOST_PIXELS // 10_000} 万像素，且每边不超过 {LONGEST_SIDE}"
    )


def _refused(problem: str) -> Invalid:
    return Invalid(field="file", problem=problem)
