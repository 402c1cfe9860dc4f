"""Reading, writing and resizing of pictures of all modes, and errors of invalid files."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from f2p_sdk import ImageError, images

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corners() -> images.Picture:
    """Picture uint8 (16, 24, 3) with a different colour in each quarter."""
    picture = np.empty((16, 24, 3), np.uint8)
    picture[:8, :12], picture[:8, 12:] = RED, GREEN
    picture[8:, :12], picture[8:, 12:] = BLUE, WHITE
    return picture


def file_of(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int, colour: int, raw: bytes, extra: bytes = b"") -> bytes:
    """A PNG built from the specification, for modes that Pillow cannot write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("format", ["PNG", "BMP"])
def test_lossless_formats_are_exact(format: str) -> None:
    data = file_of(Image.fromarray(corners()), format)
    picture = images.decode(data)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, corners())


def test_result_is_writable_and_contiguous() -> None:
    # torch.from_numpy warns about read-only arrays, and dlib needs contiguous rows.
    picture = images.decode(file_of(Image.fromarray(corners())))
    assert picture.flags.writeable
    assert picture.flags.c_contiguous


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF"])
def test_lossy_formats_are_close(format: str) -> None:
    options = {"quality": 95} if format != "GIF" else {}
    picture = images.decode(file_of(Image.fromarray(corners()), format, **options))
    for at in ((3, 5), (3, 18), (12, 5), (12, 18)):
        np.testing.assert_allclose(picture[at].astype(int), corners()[at].astype(int), atol=12)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, WHITE),
        ("L", 77, (77, 77, 77)),
        ("P", 0, (1, 2, 3)),
        ("LA", (80, 255), (80, 80, 80)),
        ("LA", (0, 51), (204, 204, 204)),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
    ],
)
def test_modes_of_png(mode: str, colour: Any, expected: tuple[int, int, int]) -> None:
    image = Image.new(mode, (4, 3), colour)
    if mode == "P":
        image.putpalette([1, 2, 3] + [0] * 765)
    picture = images.decode(file_of(image))
    assert picture.shape == (3, 4, 3)
    np.testing.assert_allclose(picture[1, 1].astype(int), expected, atol=1)


def test_palette_with_transparency_is_blended_with_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 0, 0] + [0] * 762)
    image.putpixel((1, 0), 1)
    single = images.decode(file_of(image, transparency=1))
    np.testing.assert_array_equal(single, [[[10, 20, 30], WHITE]])
    every = images.decode(file_of(image, transparency=bytes([255, 51])))
    np.testing.assert_allclose(every[0].astype(int), [[10, 20, 30], [244, 204, 204]], atol=1)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_one_transparent_colour_becomes_white(mode: str) -> None:
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), 90 if mode == "L" else (90, 90, 90))
    picture = images.decode(file_of(image, transparency=0 if mode == "L" else (0, 0, 0)))
    np.testing.assert_array_equal(picture, [[WHITE, (90, 90, 90)]])


def test_16_bit_grey() -> None:
    levels = np.array([[0, 128, 257, 32768, 65407, 65535]], dtype=">u2")
    data = png(6, 1, 16, 0, b"\0" + levels.tobytes())
    expected = np.round(levels[0].astype(float) / 257).astype(int)
    assert images.decode(data)[0, :, 0].tolist() == expected.tolist() == [0, 0, 1, 128, 255, 255]


def test_16_bit_grey_written_by_pillow() -> None:
    levels = np.array([[0, 25700, 65535]], dtype=np.uint16)
    picture = images.decode(file_of(Image.fromarray(levels)))
    assert picture[0, :, 1].tolist() == [0, 100, 255]


@pytest.mark.parametrize(
    ("colour", "channels"), [(2, 3), (4, 2), (6, 4)], ids=["RGB", "grey + alpha", "RGBA"]
)
def test_16_bit_colour_and_alpha(colour: int, channels: int) -> None:
    pixel = np.array([25700, 51400, 12850, 65535][: channels if channels > 2 else 1], dtype=">u2")
    if channels == 2:
        pixel = np.array([25700, 65535], dtype=">u2")
    picture = images.decode(png(1, 1, 16, colour, b"\0" + pixel.tobytes()))
    expected = [100, 200, 50] if channels > 2 else [100] * 3
    np.testing.assert_allclose(picture[0, 0].astype(int), expected, atol=1)


def test_16_bit_grey_with_a_transparent_level() -> None:
    levels = np.array([[25700, 51400]], dtype=">u2")
    transparent = chunk(b"tRNS", struct.pack(">H", 25700))
    picture = images.decode(png(2, 1, 16, 0, b"\0" + levels.tobytes(), transparent))
    assert picture[0].tolist() == [[255] * 3, [200] * 3]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_shallow_grey(depth: int) -> None:
    picture = images.decode(png(1, 1, depth, 0, b"\0\xff"))
    assert picture.tolist() == [[[255, 255, 255]]]


def test_interlaced_png_and_progressive_jpeg() -> None:
    # Adam7 with one pixel has one pass.
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0\x01\x02\x03"))
        + chunk(b"IEND", b"")
    )
    assert images.decode(data).tolist() == [[[1, 2, 3]]]
    jpeg = file_of(Image.fromarray(corners()), "JPEG", progressive=True, quality=95)
    assert images.decode(jpeg).shape == (16, 24, 3)


def test_cmyk_jpeg() -> None:
    data = file_of(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)
    red = images.decode(data)[4, 4].astype(int)
    np.testing.assert_allclose(red, RED, atol=6)
    black = images.decode(file_of(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), "JPEG", quality=95))
    np.testing.assert_allclose(black[4, 4].astype(int), (0, 0, 0), atol=6)


def test_grey_jpeg() -> None:
    picture = images.decode(file_of(Image.new("L", (8, 8), 90), "JPEG"))
    np.testing.assert_allclose(picture.astype(int), 90, atol=2)


def test_mpo_photo_with_a_second_picture() -> None:
    image = Image.fromarray(corners())
    data = file_of(image, "MPO", save_all=True, append_images=[image], quality=95)
    assert images.decode(data).shape == (16, 24, 3)


def test_transparent_webp_and_first_picture_of_an_animation() -> None:
    clear = file_of(Image.new("RGBA", (4, 4), (0, 0, 0, 51)), "WEBP", lossless=True)
    np.testing.assert_allclose(images.decode(clear).astype(int), 204, atol=1)
    first, second = Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), BLUE)
    for format in ("WEBP", "GIF", "PNG"):
        moving = file_of(first, format, save_all=True, append_images=[second])
        np.testing.assert_allclose(images.decode(moving)[0, 0].astype(int), RED, atol=12)


# EXIF 2.32, tag 274: visual side of the stored row 0 and of the stored column 0.
ORIENTATIONS = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored(upright: images.Picture, row: str, column: str) -> images.Picture:
    """The stored form of ``upright`` with row 0 and column 0 at these visual sides."""
    picture = upright
    if row in ("left", "right"):
        picture = picture.swapaxes(0, 1)
        flip_rows, flip_columns = row == "right", column == "bottom"
    else:
        flip_rows, flip_columns = row == "bottom", column == "right"
    return picture[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_orientation_is_applied(orientation: int, format: str) -> None:
    upright = np.kron(corners(), np.ones((2, 2, 1), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    camera = Image.fromarray(np.ascontiguousarray(stored(upright, *ORIENTATIONS[orientation])))
    picture = images.decode(file_of(camera, format, exif=exif, quality=95))
    assert picture.shape == upright.shape
    for at in ((6, 10), (6, 38), (26, 10), (26, 38)):
        np.testing.assert_allclose(picture[at].astype(int), upright[at].astype(int), atol=12)


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b""])
def test_damaged_exif_is_ignored(exif: bytes) -> None:
    data = file_of(Image.fromarray(corners()), "JPEG", exif=exif)
    assert images.decode(data).shape == (16, 24, 3)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_invalid_orientation_is_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(Image.fromarray(corners()), "JPEG", exif=exif)
    assert images.decode(data).shape == (16, 24, 3)


def test_colour_profile_is_converted() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = images.decode(file_of(Image.fromarray(corners()), icc_profile=srgb))
    np.testing.assert_array_equal(same, corners())
    wide = _linear_profile()
    # 188/255 with gamma 1 is 222/255 in sRGB.
    picture = images.decode(file_of(Image.new("RGB", (2, 2), (188,) * 3), icc_profile=wide))
    light = 188 / 255
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(picture.astype(float), expected, atol=1.5)


def _linear_profile() -> bytes:
    """An ICC profile with sRGB's primaries and gamma 1, written from ICC.1:2010."""

    def fixed(*numbers: float) -> bytes:
        return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)

    white = (0.9642, 1.0, 0.8249)
    primaries = {
        b"rXYZ": (0.43607, 0.22249, 0.01392),
        b"gXYZ": (0.38515, 0.71687, 0.09708),
        b"bXYZ": (0.14307, 0.06061, 0.71410),
    }
    text = b"linear\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(*white),
        **{tag: b"XYZ \0\0\0\0" + fixed(*xyz) for tag, xyz in primaries.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), b"curv\0\0\0\0\0\0\0\0"),
    }
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + fixed(*white) + bytes(48)
    assert len(header) == 128
    return header + struct.pack(">I", len(tags)) + table + body


@pytest.mark.parametrize("profile", [b"garbage", b"\0" * 200])
def test_damaged_profile_is_ignored(profile: bytes) -> None:
    picture = images.decode(file_of(Image.fromarray(corners()), icc_profile=profile))
    np.testing.assert_array_equal(picture, corners())


def test_paths_and_bytes(tmp_path: Path) -> None:
    data = file_of(Image.fromarray(corners()))
    path = tmp_path / "Bild mit Ä.png"
    path.write_bytes(data)
    for source in (path, str(path), data, bytearray(data), memoryview(data)):
        np.testing.assert_array_equal(images.load(source), corners())  # type: ignore[arg-type]


def test_the_content_decides_on_the_format(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(file_of(Image.fromarray(corners()), "JPEG"))
    assert images.load(path).shape == (16, 24, 3)


def refusal(source: Any, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        images.load(source, **options)
    assert caught.value.remedy
    return caught.value


def test_missing_folder_empty(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "none.png").message
    assert "is a folder" in refusal(tmp_path).message
    empty = tmp_path / "empty.png"
    empty.touch()
    message = refusal(empty).message
    assert message == f"{empty}: is empty (0 bytes)"
    assert "is empty" in refusal(b"").message
    assert "nul\0byte.png: " in refusal("nul\0byte.png").message


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:  # sparse
        file.truncate(images.MAX_FILE_BYTES + 1)
    assert "at most 256 MiB" in refusal(path).message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hello", "is not a picture"),
        (b"\0" * 1000, "is not a picture"),
        (b"GIF89a", "is not a picture"),
        (b"\x89PNG\r\n\x1a\n", "is not a picture"),
        (b"\xff\xd8\xff", "is not a picture"),
        (b"RIFF\0\0\0\0WEBP", "is not a picture"),
        (b"%PDF-1.4\n%", "PDF files are not supported"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC and HEIF photos are not supported"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is not a picture"),
    ],
)
def test_files_that_are_not_pictures(data: bytes, message: str) -> None:
    assert message in refusal(data).message


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP", "AVIF", "TIFF"])
def test_cut_off_anywhere(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = file_of(Image.fromarray(noise), format)
    for share in (0.02, 0.2, 0.5, 0.9):
        message = refusal(data[: int(len(data) * share)]).message
        assert "is damaged or cut off" in message or "is not a picture" in message


def test_cut_off_by_a_little() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for format in ("PNG", "TIFF"):
        data = file_of(Image.fromarray(noise), format)
        assert "is damaged or cut off" in refusal(data[: len(data) * 97 // 100]).message


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF", "TIFF"])
def test_damaged_bytes_only_raise_image_error(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    data = file_of(Image.fromarray(noise), format)
    generator = np.random.default_rng(1)
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(generator.integers(1, 8)):
            broken[generator.integers(len(broken))] = generator.integers(256)
        try:
            picture = images.decode(bytes(broken), max_pixels=10_000)
        except ImageError:
            continue
        assert picture.dtype == np.uint8
        assert picture.ndim == 3


def bomb(width: int, height: int) -> bytes:
    """A PNG with this size in its header and without pixels: decoding it fails."""
    return png(width, height, 8, 2, b"\0")


@pytest.mark.parametrize(
    ("width", "height"),
    [(10_000, 6_000), (12_000, 12_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)],
)
def test_too_many_pixels_are_refused_before_decoding(width: int, height: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no warning of Pillow either
        message = refusal(bomb(width, height)).message
    # Decoding would report "damaged": the file has no pixels.
    assert "must have at most 50 megapixels" in message


def test_sixty_megapixels_are_named() -> None:
    assert "10000 x 6000 pixels, 60.0 megapixels" in refusal(bomb(10_000, 6_000)).message


def test_the_caller_can_set_the_limit() -> None:
    data = file_of(Image.fromarray(corners()))
    assert images.load(data, max_pixels=16 * 24).shape == (16, 24, 3)
    assert "megapixels" in refusal(data, max_pixels=16 * 24 - 1).message
    # The caller's limit also replaces Pillow's own limit.
    assert "is damaged" in refusal(bomb(10_000, 10_000), max_pixels=200_000_000).message


@pytest.mark.slow
def test_fifty_megapixels_pass(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (10_000, 5_000), 3).save(path, compress_level=1)
    picture = images.load(path)
    assert picture.shape == (5_000, 10_000, 3)
    assert picture[4_999, 9_999].tolist() == [3, 3, 3]


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".jpeg", ".webp"])
def test_save(tmp_path: Path, suffix: str) -> None:
    path = images.save(tmp_path / "deep" / f"picture{suffix}", corners())
    with Image.open(path) as image:
        assert image.format == {"p": "PNG", "j": "JPEG", "w": "WEBP"}[suffix[1].lower()]
    back = images.load(path)[4, 6].astype(int)
    np.testing.assert_allclose(back, RED, atol=0 if suffix.lower() == ".png" else 12)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_save_refuses(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"must be \.png, \.jpg or \.webp, got '\.tiff'"):
        images.save(tmp_path / "a.tiff", corners())
    with pytest.raises(ImageError, match="no suffix"):
        images.save(tmp_path / "a", corners())
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="cannot be written"):
        images.save(tmp_path / "file" / "a.png", corners())
    with pytest.raises(ImageError, match="cannot be written"):
        images.save(tmp_path / "a.webp", np.zeros((1, 20_000, 3), np.uint8))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        [[[0, 0, 0]]],
        None,
    ],
    ids=["grey", "four channels", "float", "no rows", "list", "none"],
)
def test_arrays_that_are_not_pictures(wrong: Any) -> None:
    for use in (
        images.encode_png,
        lambda p: images.resize(p, 4),
        lambda p: images.side_by_side([p]),
    ):
        with pytest.raises(ImageError, match=r"uint8 array of shape \(H, W, 3\)"):
            use(wrong)


@pytest.mark.parametrize("level", [0, 1, 9])
def test_png_of_views_is_exact(level: int) -> None:
    turned = corners()[::-1, ::2]
    with Image.open(io.BytesIO(images.encode_png(turned, level))) as image:
        np.testing.assert_array_equal(np.asarray(image), turned)


def test_resize() -> None:
    assert images.resize(corners(), 8).shape == (8, 8, 3)
    assert images.resize(corners(), (30, 10)).shape == (10, 30, 3)
    with pytest.raises(ImageError, match="at least 1 x 1"):
        images.resize(corners(), (0, 10))
    # Antialiasing turns one-pixel stripes into uniform grey.
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = images.resize(stripes, 8).astype(int)
    np.testing.assert_allclose(small[2:-2, 2:-2], 127, atol=6)


def test_side_by_side() -> None:
    tall = np.full((100, 50, 3), 9, np.uint8)
    wide = np.full((50, 100, 3), 99, np.uint8)
    sheet = images.side_by_side([tall, wide], height=128)
    gap = 4
    assert sheet.shape == (128 + 2 * gap, 64 + 256 + 3 * gap, 3)
    assert (sheet[gap : gap + 128, gap : gap + 64] == 9).all()
    assert (sheet[gap : gap + 128, 2 * gap + 64 : 2 * gap + 64 + 256] == 99).all()
    assert (sheet[:gap] == 255).all()
    labelled = images.side_by_side([tall, wide], ["photo", "engine"], height=128)
    assert labelled.shape[0] > sheet.shape[0]
    strip = labelled[gap + 128 :]
    assert (strip[:, : 64 + gap] < 100).any()  # label of the first picture
    assert (strip[:, 2 * gap + 64 :] < 100).any()  # label of the second picture
    with pytest.raises(ImageError, match="as many labels"):
        images.side_by_side([tall, wide], ["photo"])
    with pytest.raises(ImageError, match="needs pictures"):
        images.side_by_side([])
