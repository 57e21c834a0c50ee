"""What strangers send: made harmless, or refused in words. No database is needed."""

import io

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from config.errors import Invalid
from matrix import media
from matrix.media import Kind
from tests.helpers import media_files as files


def opened(body: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(body))
    picture.load()
    return picture


# ---- pictures ----


def test_nothing_of_a_photograph_is_kept_but_what_it_shows() -> None:
    body = files.photo()
    assert body.count(files.SECRET) >= 3, "place, camera and comment are in it"

    made = media.sanitize(Kind.IMAGE, body)

    assert files.SECRET not in made.body
    kept = opened(made.body)
    assert (made.mime, kept.size) == ("image/jpeg", (20, 40)), "it stands upright"
    assert dict(kept.getexif()) == {}
    assert kept.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_png_keeps_its_transparency_and_loses_its_words() -> None:
    from_words = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    out = io.BytesIO()
    words = PngInfo()
    words.add_text("Author", files.SECRET.decode())
    from_words.save(out, "PNG", pnginfo=words)
    assert files.SECRET in out.getvalue()

    made = media.sanitize(Kind.IMAGE, out.getvalue() + files.SECRET)

    assert files.SECRET not in made.body
    assert opened(made.body).getpixel((0, 0)) == (255, 0, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_sort_of_png_can_be_sent(mode: str) -> None:
    made = media.sanitize(Kind.IMAGE, files.picture(mode=mode))
    assert opened(made.body).size == (40, 20)


def test_a_print_shop_jpeg_can_be_sent() -> None:
    made = media.sanitize(Kind.IMAGE, files.picture("JPEG", mode="CMYK"))
    assert opened(made.body).mode == "RGB"


def test_a_picture_that_moves_goes_on_moving() -> None:
    made = media.sanitize(Kind.IMAGE, files.animated())
    assert (made.mime, getattr(opened(made.body), "n_frames", 1)) == ("image/gif", 3)


def test_a_gif_that_stands_still_becomes_a_png() -> None:
    assert media.sanitize(Kind.IMAGE, files.picture("GIF")).mime == "image/png"


def test_a_cover_is_made_small_enough() -> None:
    noise = Image.effect_noise((2000, 1500), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=95)
    assert len(out.getvalue()) > media.MAX_BYTES[Kind.THUMB]

    made = media.sanitize(Kind.THUMB, out.getvalue())

    assert made.mime == "image/jpeg"
    assert len(made.body) <= media.MAX_BYTES[Kind.THUMB]


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (Kind.IMAGE, b"", "空的"),
        (Kind.IMAGE, b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "JPG"),
        (Kind.IMAGE, b"<!doctype html><script>alert(1)</script>", "JPG"),
        (Kind.IMAGE, b"\x89PNG\r\n\x1a\n<!doctype html><script>alert(1)</script>", "损坏"),
        (Kind.IMAGE, files.decompression_bomb(), "像素太多"),
        (Kind.IMAGE, files.decompression_bomb(1, 20_000), "1 × 20000"),
        (Kind.IMAGE, files.photo()[:-200], "损坏"),
        (Kind.IMAGE, files.picture()[:60], "损坏"),
        (Kind.IMAGE, files.picture("GIF")[:20], "损坏"),
        (Kind.IMAGE, files.animated("PNG"), "动图"),
        (Kind.IMAGE, files.animated(frames=301), "最多 300 帧"),
        (Kind.IMAGE, b"\xff\xd8\xff" + bytes(11 * 2**20), "超过 10 MB"),
        (Kind.IMAGE, files.amr(), "JPG"),
        (Kind.IMAGE, b"PK\x03\x04" + bytes(40), "JPG"),
        (Kind.THUMB, files.animated(), "动图"),
        (Kind.VOICE, files.picture(), "AMR"),
        (Kind.VOICE, b"#!AMR\n", "损坏"),
        (Kind.VOICE, b"#!AMR\n<script>alert(1)</script>", "损坏"),
        (Kind.VOICE, files.amr()[:-5], "损坏"),
        (Kind.VOICE, files.amr(61), "61 秒"),
        (Kind.VOICE, b"ID3" + b"<script>alert(1)</script>" * 9, "损坏"),
        (Kind.VOICE, b"\xff\xfb" + b"not a sound" * 99, "损坏"),
        (Kind.VOICE, files.mp3(2400), "秒"),
        (Kind.VIDEO, files.picture(), "MP4"),
        (Kind.VIDEO, files.mp4_box(b"ftyp", b"isom") + b"<script>", "损坏"),
        (Kind.VIDEO, files.mp4()[:-3], "损坏"),
        (Kind.VIDEO, files.mp4(b"qt  "), "MOV"),
        (Kind.VIDEO, files.mp4_box(b"ftyp", b"isom") + bytes(8), "损坏"),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,
)
def test_what_is_not_what_it_says_is_refused_in_words(kind: Kind, body: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        media.sanitize(kind, body)
    assert caught.value.field == "file"


# ---- sounds and films ----


def test_an_amr_recording_is_not_changed() -> None:
    assert media.sanitize(Kind.VOICE, files.amr(59)).body == files.amr(59)


def test_tags_before_and_after_an_mp3_are_removed() -> None:
    made = media.sanitize(Kind.VOICE, files.mp3())

    assert made.mime == "audio/mpeg"
    assert made.body == files.MP3_FRAME * 20
    assert media.detect_mime(made.body) == "audio/mpeg"


def test_metadata_boxes_of_an_mp4_are_emptied_in_place() -> None:
    body = files.mp4()

    made = media.sanitize(Kind.VIDEO, body)

    assert files.SECRET not in made.body
    assert len(made.body) == len(body)
    assert made.body.index(b"a film") == body.index(b"a film")
    assert made.body.count(b"free") == 3


def test_an_mp4_with_a_64_bit_box_size_is_read() -> None:
    long = (1).to_bytes(4, "big") + b"mdat" + (22).to_bytes(8, "big") + b"a film"
    body = files.mp4_box(b"ftyp", b"isom") + files.mp4_box(b"moov", b"") + long
    assert media.sanitize(Kind.VIDEO, body).body == body
