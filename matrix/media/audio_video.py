"""Audio and video: uploaded AMR, MP3 and MP4 files, checked to the end, metadata removed.

    AMR    header, frames of 20 ms           unchanged
    MP3    tags, frames, tags                the frames only
    MP4    boxes: ftyp, moov, mdat, udta …   metadata boxes overwritten, nothing moves

A file that cannot be read to its end is not what it claims to be and is refused. Metadata may hold
names, places and device data of whoever recorded it. Frame and box layouts: RFC 4867 (AMR), ISO/IEC
11172-3 (MP3), ISO/IEC 14496-12 (MP4).
"""

import struct
from collections.abc import Iterator

from config.errors import Invalid

MAX_VOICE_SECONDS = 60  # WeChat's limit (wechat-platform.md 7.5)

_AMR = b"#!AMR\n"
_AMR_WIDE = b"#!AMR-WB\n"
# bytes after the frame header, by frame type (RFC 4867, table 1)
_AMR_SIZES = (12, 13, 15, 17, 19, 20, 26, 31, 5)
_AMR_WIDE_SIZES = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5)
_AMR_FRAME = 0.02  # seconds per frame
_AMR_NO_DATA = (14, 15)  # "speech lost" and "no data": a header without a body

# layer III. Sampling rates by MPEG version: 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
# bytes of rubbish between two frames; some encoders write a tag in the middle
_MAX_GAP = 4096
# a JPEG may contain one or two byte sequences that look like a frame, not five in a row
_MIN_FRAMES = 5

_CONTAINER_BOXES = (b"moov", b"trak", b"mdia")
_METADATA_BOXES = (b"udta", b"meta", b"uuid", b"XMP_")


def sanitize_amr(body: bytes) -> bytes:
    """The recording, if it is a valid AMR file of at most 60 seconds. Raises Invalid."""
    head, sizes = (_AMR_WIDE, _AMR_WIDE_SIZES) if body.startswith(_AMR_WIDE) else (_AMR, _AMR_SIZES)
    offset, frames = len(head), 0
    while body.startswith(head) and offset < len(body):
        # frame header: padding bit, four bits of frame type, quality bit, two padding bits
        mode = body[offset] >> 3 & 15
        if mode >= len(sizes) and mode not in _AMR_NO_DATA:
            raise _invalid("录音")
        offset += 1 + (sizes[mode] if mode < len(sizes) else 0)
        frames += 1
    if not frames or offset != len(body):
        raise _invalid("录音")
    _check_length(frames * _AMR_FRAME)
    return body


def sanitize_mp3(body: bytes) -> bytes:
    """The MP3 frames without any tags. Raises Invalid for another file or more than 60 seconds."""
    frames, seconds = [], 0.0
    for frame, duration in _mp3_frames(body):
        frames.append(frame)
        seconds += duration
    if len(frames) < _MIN_FRAMES:
        raise _invalid("录音")
    _check_length(seconds)
    return b"".join(frames)


def _mp3_frames(body: bytes) -> Iterator[tuple[bytes, float]]:
    offset = _after_id3(body)
    while offset + 4 <= len(body):
        size, seconds = _mp3_frame(body[offset : offset + 4])
        if size and offset + size <= len(body):
            yield body[offset : offset + size], seconds
            offset += size
            continue
        following = body.find(b"\xff", offset + 1, offset + _MAX_GAP)
        if following < 0:
            return
        offset = following


def _after_id3(body: bytes) -> int:
    if not body.startswith(b"ID3") or len(body) < 10:
        return 0
    # ID3v2 sizes are "synchsafe": four bytes of seven bits each
    size = sum(
        (byte & 0x7F) << shift for byte, shift in zip(body[6:10], (21, 14, 7, 0), strict=True)
    )
    return 10 + size


def _mp3_frame(head: bytes) -> tuple[int, float]:
    """The size in bytes and the seconds of the frame with this header; (0, 0.0) for no frame."""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    is_frame = head[0] == 0xFF and head[1] >= 0xE0 and layer == 1 and version in _RATES
    if not is_frame or not 0 < bits < 15 or rate == 3:
        return 0, 0.0
    hertz = _RATES[version][rate]
    kbits, samples = (_KBITS_1[bits], 1152) if version == 3 else (_KBITS_2[bits], 576)
    padding = head[2] >> 1 & 1
    # frame length in bytes = samples / 8 × bit rate / sampling rate, plus one padding byte
    return samples // 8 * kbits * 1000 // hertz + padding, samples / hertz


def sanitize_mp4(body: bytes) -> bytes:
    """The video with its metadata boxes emptied, same length. Raises Invalid for another file."""
    data = bytearray(body)
    try:
        box_names = _blank_metadata(data, 0, len(data))
    # a file may end inside a box, or nest boxes thousands deep
    except (struct.error, RecursionError) as error:
        raise _invalid("视频") from error
    # QuickTime has the same boxes, but WeChat does not play it
    if body[8:12] == b"qt  ":
        raise Invalid(field="file", problem="这是 MOV 视频，请转换为 MP4 后再上传")
    if not box_names.issuperset((b"ftyp", b"moov", b"mdat")):
        raise _invalid("视频")
    return bytes(data)


def _blank_metadata(data: bytearray, offset: int, end: int) -> set[bytes]:
    """Empty the metadata boxes between two offsets; returns the names of the boxes found there."""
    box_names = set()
    while offset < end:
        size, name = struct.unpack_from(">I4s", data, offset)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, offset + 8)
            head = 16
        # size 0 means that the box reaches to the end
        size = size or end - offset
        if size < head or offset + size > end:
            raise _invalid("视频")
        if name in _METADATA_BOXES:
            # renamed to a box that players skip and filled with zeros. Not removed: the index
            # (stco, co64) holds absolute offsets, which a shorter file would invalidate
            data[offset + 4 : offset + 8] = b"free"
            data[offset + head : offset + size] = bytes(size - head)
        elif name in _CONTAINER_BOXES:
            _blank_metadata(data, offset + head, offset + size)
        box_names.add(bytes(name))
        offset += size
    return box_names


def _check_length(seconds: float) -> None:
    if seconds > MAX_VOICE_SECONDS:
        problem = f"录音长 {seconds:.0f} 秒，微信最多接受 {MAX_VOICE_SECONDS} 秒"
        raise Invalid(field="file", problem=problem)


def _invalid(what: str) -> Invalid:
    return Invalid(field="file", problem=f"{what}已损坏，或不是微信支持的格式，请重新导出后再上传")
