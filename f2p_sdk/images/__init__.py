"""Reading, writing and resizing of pictures: uint8 (H, W, 3), RGB, sRGB."""

from .formats import MAX_FILE_BYTES, MAX_JPEG_FACTOR, MAX_PIXELS, PHOTO_SUFFIXES, photos_in
from .photo import Photo, PhotoSource, named
from .reading import decode, load, read, take
from .writing import Picture, check_picture, encode_png, resize, save, side_by_side

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_JPEG_FACTOR",
    "MAX_PIXELS",
    "PHOTO_SUFFIXES",
    "Photo",
    "PhotoSource",
    "Picture",
    "check_picture",
    "decode",
    "encode_png",
    "load",
    "named",
    "photos_in",
    "read",
    "resize",
    "save",
    "side_by_side",
    "take",
]
