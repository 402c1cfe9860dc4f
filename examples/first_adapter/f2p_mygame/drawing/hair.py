"""Hair, eyebrows and beard."""

import numpy as np

from .canvas import between
from .head import EYE_X, MOUTH_Y, NOSE_Y, head_width, outline

HAIR = np.array([(0.11, 0.08, 0.07), (0.33, 0.21, 0.14), (0.82, 0.66, 0.42)])


def hair_colour(v):
    colour = between(HAIR, 0.4 + 0.4 * v["hair_colour"])
    if v["hair_paint"] is not None:
        colour = np.array(v["hair_paint"]) * (1 + 0.3 * v["hair_colour"])
    colour = colour * (1 + v["hair_red"] * np.array([0.45, -0.05, -0.35]))
    grey = 0.25 * (1 + v["hair_grey"])
    return colour + grey * 0.6 * (np.array([0.62, 0.62, 0.63]) - colour)


def hair_length(v):
    return v["style_length"] + 0.12 * v["hair_length"] if v["style_length"] >= 0 else -1.0


def hair_volume(v):
    return v["style_volume"] + 0.35 * v["hair_volume"]


def hair_width(v, y):
    """Half width of the hair at heights y: round above, then hanging to the style's length."""
    middle, up, _, half = outline(v)
    grown = 0.028 + 0.035 * hair_volume(v)
    t = np.clip((middle - y) / (up + grown), 0, 1)
    width = (half + grown) * np.sqrt(np.maximum(1 - t**2.4, 0))
    end = hair_end(v)
    rounded = np.clip((end - y) / 0.10, 0, 1) ** 0.5
    width = width * np.where(y > middle, 0.80 + 0.20 * rounded, 1) * (y < end)
    width = width + 0.02 * (y > middle) * np.clip((y - middle) / 0.4, 0, 1)
    waves = 0.010 * v["style_waves"] * np.sin(48 * y) * np.clip((y - 0.15) / 0.1, 0, 1)
    return np.where((t < 1) & (y < end), width + waves, -1)


def hair_end(v):
    """Height of the lower end of the hair."""
    return 0.40 + 0.60 * hair_length(v)


def strands(c, v):
    """Brightness of hair: lines that fall from the parting."""
    angle = np.arctan2(c.x - 0.10 * v["style_parting"], np.maximum(c.y - 0.02, 0.02))
    wave = 2.5 * v["style_waves"] * np.sin(48 * c.y)
    lines = np.sin(75 * angle + wave) * np.sin(31 * angle + 2 + 0.5 * wave)
    shine = np.exp(-(((np.hypot(c.x, c.y - 0.45) - 0.30) / 0.05) ** 2))
    return 0.95 + 0.13 * lines + (0.16 + 0.16 * v["hair_shine"]) * shine


def draw_hair_behind(c, v, hair):
    """Long hair behind the neck."""
    if hair_length(v) > 0.25:
        inside = c.edge(hair_width(v, c.y) - np.abs(c.x)) * (c.y > 0.3)
        c.paint(0.5 * hair * strands(c, v)[..., None], inside)


def draw_hair(c, v, hair):
    """Hair on and beside the head."""
    if hair_length(v) < 0:
        return
    middle, up, _, _ = outline(v)
    line = middle - up + 0.10 - 0.022 * v["forehead_height"]
    line = line + 0.07 * v["style_fringe"] + 0.045 * v["fringe"] * np.exp(-((c.x / 0.09) ** 2))
    shift = 0.09 * v["style_parting"] + 0.05 * v["parting"]
    x = c.x - shift
    bow = 1.6 * x**2 + 0.8 * np.maximum(np.abs(x) - 0.11, 0) ** 1.5
    bow = bow + 0.004 * np.sin(150 * c.x) * v["style_fringe"]
    front = c.edge(line + bow - c.y, 0.010) * c.edge(middle - 0.03 - c.y, 0.10)
    inner = head_width(v, np.minimum(c.y, 0.62)) - 0.010 - 0.010 * hair_volume(v)
    beside = c.edge(np.abs(c.x) - inner, 0.008) * c.edge(hair_end(v) - c.y, 0.02)
    inside = np.maximum(front, beside) * c.edge(hair_width(v, c.y) - np.abs(c.x), 0.004)
    light = strands(c, v) * (1.05 - 0.35 * np.clip(np.abs(c.x) / 0.3, 0, 1) ** 2)
    c.paint(hair * light[..., None], inside)


def draw_brows(c, v, hair):
    for side in (-1, 1):
        draw_brow(c, v, hair, side)


def draw_brow(c, v, hair, side):
    """One eyebrow: a band of short hairs that is thinner at its outer end."""
    c = c.window(*sorted((side * 0.005, side * 0.27)), 0.31, 0.47)
    half = 0.066 + 0.008 * v["brow_length"]
    x = side * c.x - (EYE_X + 0.006 + 0.010 * v["brow_distance"])
    u = x / half
    middle = (
        0.397 - 0.013 * v["brow_height"] - (0.010 * v["brow_tilt"] + 0.012 * v["brow_angle"]) * u
    )
    middle = middle + (0.016 + 0.011 * v["brow_arch"] + 0.012 * v["brow_shape"]) * (u - 0.25) ** 2
    thick = (0.0115 + 0.004 * v["brow_thickness"] + 0.004 * v["brow_shape"]) * (
        1 - 0.30 * u - 0.25 * u**2
    )
    inside = c.edge(thick - np.abs(c.y - middle), 0.008) * c.edge(half - np.abs(x), 0.015)
    hairs = 0.82 + 0.18 * np.sin(900 * c.x * side - 500 * c.y)
    dark = np.minimum(hair, 0.45) * (0.75 - 0.35 * v["brow_colour"])
    c.paint(dark, np.clip(inside * hairs * 0.85, 0, 1))


def draw_beard(c, v, hair):
    """Beard of a style, and stubble of the feature ``beard``."""
    c = c.window(-0.34, 0.34, 0.48, 1.0)
    width = head_width(v, c.y)
    within = c.edge(np.where(width > 0, width - np.abs(c.x), -1))
    mouth = MOUTH_Y + 0.02 * v["mouth_height"]
    ring = np.hypot(c.x / (0.13 + 0.10 * v["beard_width"]), (c.y - mouth - 0.09) / 0.15)
    cover = np.clip(1.6 - 1.6 * ring, 0, 1) if v["beard_width"] < 0.7 else 0
    cheeks = np.clip((c.y - 0.60 - 0.35 * (0.22 - np.abs(c.x))) / 0.08, 0, 1)
    cover = np.maximum(cover, cheeks * (v["beard_width"] if v["beard_width"] >= 0.7 else 0))
    lips = np.hypot(c.x / 0.098, (c.y - mouth) / 0.042)
    cover = cover * np.clip(4 * lips - 3.6, 0, 1) * c.edge(c.y - NOSE_Y - 0.012, 0.02)
    stubble = np.clip((c.y - 0.64) / 0.08, 0, 1) * np.clip(4 * lips - 3.6, 0, 1)
    grain = 0.8 + 0.2 * np.sin(700 * c.x) * np.sin(640 * c.y)
    amount = 0.9 * min(v["beard_length"], 1) * cover + 0.10 * (1 + v["beard"]) * stubble
    c.paint(hair * 0.75, np.clip(amount * grain * within, 0, 1))
