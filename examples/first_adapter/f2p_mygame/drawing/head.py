"""The head: outline, skin, neck and ears."""

import numpy as np

from .canvas import between, bump

SHIRT = (0.30, 0.36, 0.42)
# From the lightest to the darkest.
SKIN = np.array([(0.96, 0.82, 0.73), (0.89, 0.70, 0.58), (0.64, 0.45, 0.34), (0.42, 0.28, 0.21)])
# Places of the average face.
EYE_X, EYE_Y, NOSE_Y, MOUTH_Y = 0.113, 0.476, 0.652, 0.742


def skin_colour(v):
    colour = between(SKIN, 0.3 + 0.3 * v["skin_tone"])
    if v["skin_paint"] is not None:
        colour = np.array(v["skin_paint"]) * (1 - 0.2 * v["skin_tone"])
    return colour * (1 + v["skin_red"] * np.array([0.05, -0.05, -0.08]))


def outline(v):
    """Return middle, radii up and down, half width and exponent of the head's outline."""
    middle = 0.47
    up = 0.355 + 0.02 * v["face_length"]
    down = 0.415 + 0.025 * v["face_length"] + 0.03 * v["chin_length"]
    return middle, up, down, 0.245 + 0.022 * v["face_width"]


def head_width(v, y):
    """Half width of the head at heights y, and 0 above and below it."""
    middle, up, down, half = outline(v)
    t = np.clip((y - middle) / np.where(y < middle, up, down), -1, 1)
    power = np.where(t < 0, 2.35, 2.35 + 0.45 * v["jaw_width"])
    width = half * np.sqrt(np.maximum(1 - np.abs(t) ** power, 0))
    width = width + 0.016 * v["jaw_width"] * np.exp(-(((t - 0.62) / 0.22) ** 2))
    width = width + 0.020 * v["chin_width"] * np.exp(-(((t - 0.90) / 0.10) ** 2))
    width = width + 0.012 * v["cheekbone_width"] * np.exp(-(((t - 0.15) / 0.18) ** 2))
    width = width + 0.014 * v["temple_width"] * np.exp(-(((t + 0.35) / 0.22) ** 2))
    return np.where(np.abs(t) < 1, width, 0)


def draw_neck(c, v, skin):
    """Neck, shirt and ears."""
    neck = 0.135 + 0.022 * v["neck_width"] + 0.5 * np.maximum(c.y - 0.93, 0) ** 1.3
    shadow = np.clip(0.62 + 1.6 * (c.y - 0.86), 0.55, 0.85) * (1 - 4.5 * c.x**2)
    c.paint(skin * shadow[..., None], c.edge(np.where(c.y > 0.6, neck - np.abs(c.x), -1)))
    collar = c.y - (0.955 - 0.10 * np.abs(c.x) + 0.5 * np.maximum(0.13 - np.abs(c.x), 0))
    c.paint(SHIRT, c.edge(collar) * c.edge(0.46 - np.abs(c.x) + 2 * (c.y - 0.95)))
    ear = 0.055 * (1 + 0.3 * v["ear_size"])
    x = (np.abs(c.x) - head_width(v, np.float32(0.5)) - 0.2 * ear) / (0.55 * ear)
    ring = np.hypot(x, (c.y - 0.505) / (1.2 * ear))
    c.paint(skin * (0.62 + 0.28 * np.clip(ring, 0, 1))[..., None], c.edge((1 - ring) * 0.5 * ear))


def draw_head(c, v, skin):
    """The head with the light and dark areas of its surface."""
    c = c.window(-0.36, 0.36, 0.05, 1.0)
    middle, up, down, _ = outline(v)
    width = head_width(v, c.y)
    r = np.abs(c.x) / np.maximum(width, 1e-3)
    t = (c.y - middle) / np.where(c.y < middle, up, down)
    side = np.abs(c.x)
    light = 1.03 - 0.34 * r**2.6 - 0.16 * np.abs(t) ** 3 - 0.05 * c.x / 0.25
    light = light + 0.06 * (1 + v["skin_shine"]) * bump(c.x + 0.03, c.y - 0.30, 0.11, 0.06)
    cheek = 0.07 + 0.07 * v["cheek_fullness"]
    light = light + cheek * bump(side - 0.145, c.y - 0.575, 0.055, 0.05)
    light = light - cheek * bump(side - 0.165, c.y - 0.68, 0.05, 0.055)
    shine = 0.03 * (1 + 1.5 * v["skin_shine"])
    light = light + shine * bump(side - 0.14, c.y - 0.56, 0.03, 0.02)
    chin = middle + 0.86 * down
    light = light + 0.05 * bump(c.x, c.y - chin + 0.01, 0.06, 0.035)
    light = light - (0.09 + 0.09 * v["chin_dimple"]) * bump(c.x, c.y - chin, 0.008, 0.02)
    height = MOUTH_Y + 0.02 * v["mouth_height"] + 0.052
    light = light - 0.13 * bump(c.x, c.y - height, 0.055, 0.014)
    fold = side - 0.062 - 0.22 * (c.y - 0.66)
    light = light - 0.06 * bump(fold, c.y - 0.70, 0.009, 0.045)
    for y in (0.25, 0.275):
        light = light - 0.012 * bump(c.x, c.y - y, 0.10, 0.004)
    flush = (0.07 + 0.06 * v["skin_red"]) * bump(side - 0.145, c.y - 0.60, 0.06, 0.05)
    colour = skin * (1 - flush[..., None] * np.array([0.0, 0.6, 0.55]))
    blush, amount = (0.80, 0.30, 0.32), 0.16 * (1 + v["blush"])
    if v["blush_paint"] is not None:
        blush, amount = v["blush_paint"], 0.40 + 0.15 * v["blush"]
    amount = amount * bump(side - 0.15, c.y - 0.60, 0.05, 0.035)
    colour = colour + amount[..., None] * (np.array(blush) * skin.max() - colour)
    grain = np.sin(311 * c.x + 97 * np.sin(171 * c.y)) * np.sin(283 * c.y + 61 * np.sin(143 * c.x))
    spots = np.clip(4 * grain - 2.6, 0, 1) * bump(side - 0.10, c.y - 0.58, 0.09, 0.06)
    colour = colour * (1 - (0.14 + 0.14 * v["freckles"]) * spots[..., None])
    inside = c.edge(np.where(width > 0, (width - side) * (1 - 0.7 * np.abs(t) ** 6), -1))
    c.paint(colour * np.clip(light, 0.2, 1.25)[..., None], inside)


def draw_mark(c, x, y, radius, colour):
    """A painted spot on both sides of the face."""
    inside = c.edge(radius - np.hypot(np.abs(c.x) - x, c.y - y), 0.3 * radius)
    c.paint(colour, 0.8 * inside)


def draw_relief(c, x, y, radius, height):
    """A bump on both sides of the face: its upper half is lighter, its lower half darker."""
    c = c.window(-x - 3 * radius, x + 3 * radius, y - 3 * radius, y + 3 * radius)
    dx, dy = (np.abs(c.x) - x) / radius, (c.y - y) / radius
    c.shade(1 - 0.22 * height * dy * np.exp(-(dx**2) - dy**2))
