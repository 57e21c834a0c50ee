"""Pictures, sounds and films for tests, made here byte by byte."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

SECRET = b"13.4050N-somebody"  # what must not be found in what is kept


def picture(
    kind: str = "PNG", *, size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: Any
) -> bytes:
    """A small picture, red on its left half."""
    made = Image.new(mode, size, "white" if mode != "P" else 0)
    if mode == "RGB":
        made.paste("red", (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    made.save(out, kind, **options)
    return out.getvalue()


def photo() -> bytes:
    """A JPEG as a telephone makes it: place, camera, a comment, and it was held sideways."""
    exif = Image.Exif()
    exif[0x010F] = SECRET.decode()  # the maker
    exif[0x0112] = 6  # turned by a quarter
    exif.get_ifd(0x8825)[29] = SECRET.decode()  # the place's date
    return picture("JPEG", exif=exif, comment=SECRET, icc_profile=SECRET)


def animated(kind: str = "GIF", frames: int = 3) -> bytes:
    """A picture that moves."""
    shades = [
        Image.new("RGB", (10, 10), (0, number // 256, number % 256)) for number in range(frames)
    ]
    out = io.BytesIO()
    shades[0].save(out, kind, save_all=True, append_images=shades[1:], duration=50)
    return out.getvalue()


def decompression_bomb(width: int = 40_000, height: int = 25_000) -> bytes:
    """A PNG of a few bytes that promises a thousand million pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def amr(seconds: float = 1.0) -> bytes:
    """Silence in AMR."""
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * int(seconds * 50)


# MPEG-1, layer III, 128 kbit/s, 44.1 kHz: 417 bytes, a little more than 26 ms
MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)


def mp3(frames: int = 20) -> bytes:
    """Silence in MP3, with a label before it and one behind."""
    label = b"TIT2" + SECRET
    size = len(label)
    before = b"ID3\x04\x00\x00" + bytes((0, 0, size >> 7, size & 127)) + label
    return before + MP3_FRAME * frames + b"TAG" + SECRET.ljust(125, b"\0")


def mp4_box(name: bytes, body: bytes) -> bytes:
    """One box of an MP4."""
    return struct.pack(">I4s", 8 + len(body), name) + body


def mp4(brand: bytes = b"isom") -> bytes:
    """The boxes of a film, with the place it was taken."""
    place = mp4_box(b"udta", mp4_box(b"\xa9xyz", SECRET))
    track = mp4_box(b"trak", mp4_box(b"tkhd", bytes(84)) + mp4_box(b"meta", SECRET))
    return (
        mp4_box(b"ftyp", brand + bytes(4) + b"isommp42")
        + mp4_box(b"moov", mp4_box(b"mvhd", bytes(100)) + track + place)
        + mp4_box(b"uuid", SECRET)
        + mp4_box(b"mdat", b"a film")
    )
