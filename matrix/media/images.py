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

MAX_PIXELS = 30_000_000
MAX_SIDE = 12_000
MAX_FRAMES = 300
MAX_ANIMATION_PIXELS = 20_000_000  # of all frames together

_FORMATS = ("JPEG", "PNG", "GIF")
_QUALITIES = (90, 80, 70, 60)
_THUMBNAIL_SIDE = 320
_COVER_SIDES = (600, 400, 240)
_PLAIN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
# what Pillow's decoders raise at a broken file
_DECODE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError)
_SIZE_ERRORS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class EncodedImage:
    """A picture of ours: its bytes and what they are."""

    body: bytes
    mime: str


def reencode(body: bytes, *, max_bytes: int) -> EncodedImage:
    """The picture as ours. Raises Invalid for one that is broken, too large, or moves as PNG."""
    try:
        image = _open(body)
        if _is_animated(image):
            return EncodedImage(_encode_animation(image, max_bytes), "image/gif")
        return _encode(_normalized(image), image.format or "", max_bytes)
    except _SIZE_ERRORS as error:
        raise _too_large() from error
    except (*_DECODE_ERRORS, struct.error, zlib.error) as error:
        raise _invalid("图片已损坏或不完整，请重新导出后再上传") from error


def reencode_cover(body: bytes, *, max_bytes: int) -> EncodedImage:
    """The picture as a small JPEG, as small as WeChat wants a cover to be. Raises Invalid."""
    try:
        image = _open(body)
        if _is_animated(image):
            raise _invalid("封面不能是动图，请上传静态图片")
        upright = _flatten(_normalized(image))
    except _SIZE_ERRORS as error:
        raise _too_large() from error
    except (*_DECODE_ERRORS, struct.error, zlib.error) as error:
        raise _invalid("图片已损坏或不完整，请重新导出后再上传") from error
    for side in _COVER_SIDES:
        upright.thumbnail((side, side))
        for quality in _QUALITIES:
            encoded = _to_bytes(upright, "JPEG", quality=quality)
            if len(encoded) <= max_bytes:
                return EncodedImage(encoded, "image/jpeg")
    raise _invalid("图片压缩后仍超过微信对封面的限制")


def thumbnail(body: bytes) -> bytes | None:
    """A JPEG for lists; None for what is no picture, or too large a one."""
    try:
        image = _open(body)
        image.draft("RGB", (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
        encoded = _flatten(_normalized(image))
        encoded.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
        return _to_bytes(encoded, "JPEG", quality=80)
    except (*_SIZE_ERRORS, *_DECODE_ERRORS, Invalid, struct.error, zlib.error):
        return None


def _open(body: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(body), formats=_FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise _too_large(width, height)
    return image


def _is_animated(image: Image.Image) -> bool:
    frames = getattr(image, "n_frames", 1)
    if frames == 1:
        return False
    if image.format != "GIF":
        raise _invalid("微信不支持这种动图，请改用 GIF 或静态图片")
    if frames > MAX_FRAMES or frames * image.width * image.height > MAX_ANIMATION_PIXELS:
        raise _invalid(f"动图太大，最多 {MAX_FRAMES} 帧，请缩小尺寸或减少帧数")
    return True


def _normalized(image: Image.Image) -> Image.Image:
    """The pixels alone, turned as the camera was held."""
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode not in _PLAIN_MODES:
        upright = upright.convert("RGB")
    clean = upright.copy()
    clean.info = {}
    if "transparency" in upright.info:
        clean.info["transparency"] = upright.info["transparency"]
    return clean


def _encode(image: Image.Image, source_format: str, max_bytes: int) -> EncodedImage:
    if source_format != "JPEG":
        encoded = _to_bytes(image, "PNG", optimize=True)
        if len(encoded) <= max_bytes:
            return EncodedImage(encoded, "image/png")
    flat = _flatten(image)
    for quality in _QUALITIES:
        encoded = _to_bytes(flat, "JPEG", quality=quality)
        if len(encoded) <= max_bytes:
            return EncodedImage(encoded, "image/jpeg")
    raise _invalid(f"图片重新编码后仍超过 {max_bytes // 2**20} MB，请缩小后再上传")


def _flatten(image: Image.Image) -> Image.Image:
    """Without transparency, on white, as JPEG wants it."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    rgba = image.convert("RGBA")
    background = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(background, rgba).convert("RGB")


def _encode_animation(image: Image.Image, max_bytes: int) -> bytes:
    frames, durations = [], []
    for frame in ImageSequence.Iterator(image):
        durations.append(int(frame.info.get("duration") or 100))
        frames.append(frame.convert("RGBA"))
    for frame in frames:
        frame.info = {}
    encoded = _to_bytes(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0
    )
    if len(encoded) > max_bytes:
        raise _invalid(f"动图重新编码后超过 {max_bytes // 2**20} MB，请缩小后再上传")
    return encoded


def _to_bytes(image: Image.Image, format_name: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_name, **options)
    return out.getvalue()


def _too_large(*size: int) -> Invalid:
    size_text = f"（{' × '.join(map(str, size))}）" if size else ""
    return _invalid(
        f"图片的像素太多{size_text}，最多 {MAX_PIXELS // 10_000} 万像素，且每边不超过 {MAX_SIDE}"
    )


def _invalid(problem: str) -> Invalid:
    return Invalid(field="file", problem=problem)
