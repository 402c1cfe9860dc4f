"""A drawn face: the picture that stands for the game until the game's own engine draws.

It needs only NumPy. FEATURES are numbers from -1 to 1, and 0 is an average face. LOOKS are
hairstyles, shapes and colours. `controls` says which slider of the game moves which feature.
"""

from .canvas import Canvas
from .hair import draw_beard, draw_brows, draw_hair, draw_hair_behind, hair_colour
from .head import draw_head, draw_mark, draw_neck, draw_relief, skin_colour
from .parts import draw_eyes, draw_mouth, draw_nose

FEATURES = (
    *("face_width", "face_length", "jaw_width", "chin_width", "chin_length", "chin_dimple"),
    *("cheekbone_width", "cheek_fullness", "temple_width", "forehead_height", "ear_size"),
    *("neck_width", "skin_tone", "skin_red", "skin_shine"),
    *("eye_size", "eye_width", "eye_opening", "eye_distance", "eye_height", "eye_tilt"),
    *("eye_depth", "iris_size", "iris_colour", "pupil_size", "eyelid_fold", "eye_bags"),
    *("brow_height", "brow_thickness", "brow_tilt", "brow_arch", "brow_length", "brow_distance"),
    *("brow_colour",),
    *("nose_width", "nose_length", "bridge_width", "bridge_depth", "tip_size", "nostril_size"),
    *("mouth_width", "mouth_height", "upper_lip", "lower_lip", "mouth_corners", "lip_colour"),
    *("lip_bow", "lip_thickness", "mouth_depth"),
    *("hair_colour", "hair_red", "hair_grey", "hair_volume", "hair_length", "fringe", "parting"),
    *("hair_shine",),
    *("blush", "lipstick", "eyeshadow", "eyeliner", "freckles", "beard"),
)
LOOKS = {
    "style_length": 0.15,  # of the hair: 0 ends at the temples, 1 below the shoulders; -1 is bald
    "style_volume": 0.35,
    "style_fringe": 0.2,
    "style_parting": 0.0,  # -1 to 1
    "style_waves": 0.0,
    "beard_length": 0.0,  # 0 is none
    "beard_width": 0.0,  # 0 covers the chin, 1 the cheeks too
    "brow_shape": 0.0,
    "brow_angle": 0.0,
    "iris_paint": None,  # colours (red, green, blue) from 0 to 1
    "hair_paint": None,
    "lip_paint": None,
    "lid_paint": None,
    "blush_paint": None,
    "skin_paint": None,
}


def draw(values, size, reliefs=(), marks=()):
    """Draw a face, uint8 (height, width, 3).

    Args:
        values: features and looks by name; those left out are average.
        size: (width, height) in pixels.
        reliefs: bumps (x, y, radius, height) on both sides of the face; height from -1 to 1.
        marks: painted spots (x, y, radius, colour) on both sides of the face.
    """
    v = {**dict.fromkeys(FEATURES, 0.0), **LOOKS, **values}
    canvas = Canvas(size)
    skin = skin_colour(v)
    hair = hair_colour(v)
    draw_hair_behind(canvas, v, hair)
    draw_neck(canvas, v, skin)
    draw_head(canvas, v, skin)
    draw_nose(canvas, v, skin)
    draw_mouth(canvas, v, skin)
    draw_eyes(canvas, v, skin)
    draw_brows(canvas, v, hair)
    draw_beard(canvas, v, hair)
    for mark in marks:
        draw_mark(canvas, *mark)
    draw_hair(canvas, v, hair)
    for relief in reliefs:
        draw_relief(canvas, *relief)
    return canvas.picture()
