"""Eyes, nose and mouth."""

import numpy as np

from .canvas import between, bump
from .head import EYE_X, EYE_Y, MOUTH_Y, NOSE_Y

IRIS = np.array([(0.30, 0.18, 0.10), (0.42, 0.30, 0.15), (0.32, 0.45, 0.28), (0.30, 0.47, 0.66)])


def draw_nose(c, v, skin):
    """Ridge, wings, nostrils and the shadow below the nose."""
    c = c.window(-0.12, 0.12, 0.36, 0.78)
    base = NOSE_Y + 0.020 * v["nose_length"]
    wing = 0.047 + 0.010 * v["nose_width"]
    side = np.abs(c.x)
    down = np.clip((c.y - 0.44) / (base - 0.44), 0, 1)
    wide = (0.017 + 0.006 * v["bridge_width"]) * (1 - down) + 0.55 * wing * down
    along = c.edge(c.y - 0.44, 0.08) * c.edge(base - 0.004 - c.y, 0.02)
    depth = 1 + 0.6 * v["bridge_depth"]
    flank = np.exp(-(((side - wide - 0.012) / 0.012) ** 2)) * along
    ridge = np.exp(-((c.x / (0.55 * wide)) ** 2)) * along
    factor = 1 - (0.09 + 0.05 * np.sign(c.x)) * depth * flank + 0.07 * depth * ridge
    tip = (0.024 + 0.008 * v["tip_size"], 0.020 + 0.006 * v["tip_size"])
    factor = factor + 0.09 * bump(c.x + 0.004, c.y - base + 0.026, *tip)
    factor = factor - 0.12 * bump(side - 1.1 * tip[0], c.y - base + 0.022, 0.010, 0.018)
    round_wing = np.hypot((side - wing + 0.012) / 0.018, (c.y - base + 0.016) / 0.021)
    crease = np.exp(-(((round_wing - 1.1) / 0.28) ** 2)) * np.clip(
        (side - wing + 0.014) / 0.02, 0, 1
    )
    factor = factor - 0.15 * crease * c.edge(base + 0.012 - c.y, 0.02)
    factor = factor - 0.20 * bump(c.x, c.y - base - 0.010, 0.045, 0.012)
    factor = factor - 0.07 * bump(c.x, c.y - 0.5 * (base + MOUTH_Y) - 0.006, 0.009, 0.024)
    c.shade(factor)
    big = 1 + 0.35 * v["nostril_size"]
    hole = np.hypot((side - 0.52 * wing) / (0.013 * big), (c.y - base + 0.002) / (0.0065 * big))
    c.paint(0.25 * skin, 0.85 * c.edge((1 - hole) * 0.007, 0.006))


def draw_mouth(c, v, skin):
    """Lips, the line between them and the shadows of the corners."""
    c = c.window(-0.16, 0.16, 0.62, 0.90)
    middle = MOUTH_Y + 0.02 * v["mouth_height"]
    half = 0.088 + 0.014 * v["mouth_width"]
    u = np.clip(c.x / half, -1, 1)
    open_ = np.sqrt(np.clip(1 - u**2, 0, 1))
    line = middle - 0.012 * v["mouth_corners"] * (u**2 - 0.4) + 0.003 * np.cos(6 * u) * open_
    bow = (0.22 + 0.16 * v["lip_bow"]) * (
        np.exp(-((u / 0.13) ** 2)) - np.exp(-(((np.abs(u) - 0.28) / 0.18) ** 2))
    )
    upper = (0.025 + 0.009 * v["upper_lip"] + 0.006 * v["lip_thickness"]) * open_**1.3 * (1 - bow)
    lower = (0.030 + 0.011 * v["lower_lip"] + 0.007 * v["lip_thickness"]) * open_
    colour = skin * (0.84, 0.58, 0.56) * (1 + v["lip_colour"] * np.array([0.10, -0.16, -0.12]))
    paint, amount = (0.70, 0.16, 0.22), 0.25 * (1 + v["lipstick"])
    if v["lip_paint"] is not None:
        paint, amount = v["lip_paint"], 0.75 + 0.15 * v["lipstick"]
    colour = colour + amount * (np.array(paint) - colour)
    within = c.edge(half - np.abs(c.x), 0.004)
    above = within * c.edge(c.y - line + upper, 0.004) * c.edge(line - c.y)
    below = within * c.edge(c.y - line) * c.edge(line + lower - c.y, 0.004)
    c.paint(0.80 * colour, above)
    deep = 0.5 + 0.5 * v["mouth_depth"]
    shine = 0.96 + (0.10 + 0.12 * deep) * bump(
        c.x + 0.008, c.y - line - 0.45 * lower, 0.5 * half, 0.008
    )
    c.paint(colour * shine[..., None], below)
    dark = np.exp(-(((c.y - line) / (0.0045 + 0.0015 * deep)) ** 2))
    dark = dark * c.edge(half + 0.002 - np.abs(c.x), 0.012)
    c.paint(0.22 * skin * (1.1, 0.8, 0.8), 0.85 * dark)
    corner = bump(np.abs(c.x) - half, c.y - middle + 0.007 * v["mouth_corners"], 0.012, 0.010)
    c.shade(1 - (0.18 + 0.12 * deep) * corner)


def draw_eyes(c, v, skin):
    for side in (-1, 1):
        draw_eye(c, v, skin, side)


def draw_eye(c, v, skin, side):
    """Socket, eyeball, iris and lids of the eye on one side of the picture: -1 is left."""
    c = c.window(*sorted((side * 0.01, side * 0.25)), 0.34, 0.62)
    big = 1 + 0.16 * v["eye_size"]
    half = 0.052 * big * (1 + 0.12 * v["eye_width"])
    tilt = 0.10 + 0.16 * v["eye_tilt"]
    x = side * c.x - (EYE_X + 0.010 * v["eye_distance"])
    y = c.y - (EYE_Y + 0.012 * v["eye_height"]) + tilt * x
    u = np.clip(x / half, -1, 1)
    arch = (1 - u**2) * (1 + 0.25 * u)
    top = 0.0245 * big * (1 + 0.30 * v["eye_opening"]) * arch
    low = 0.0155 * big * (1 + 0.25 * v["eye_opening"]) * (1 - u**2) * (1 + 0.2 * u)
    depth = 0.17 + 0.11 * v["eye_depth"]
    factor = 1 - depth * bump(x + 0.01, y + 0.028, 0.06, 0.024)
    factor = factor - 0.9 * depth * bump(x + 0.052, y - 0.002, 0.020, 0.035)
    bags = 0.06 + 0.06 * v["eye_bags"]
    factor = factor - bags * np.exp(-(((y - low - 0.020) / 0.009) ** 2)) * np.clip(1 - u**2, 0, 1)
    factor = factor + 0.5 * bags * np.exp(-(((y - low - 0.008) / 0.006) ** 2)) * np.clip(
        1 - u**2, 0, 1
    )
    c.shade(factor)
    lid = c.edge(-y - top, 0.01) * np.exp(-(((y + top + 0.010) / 0.016) ** 2)) * (1 - u**2)
    shadow, amount = (0.45, 0.30, 0.34), 0.25 * (1 + v["eyeshadow"])
    if v["lid_paint"] is not None:
        shadow, amount = v["lid_paint"], 0.75 + 0.15 * v["eyeshadow"]
    c.paint(np.array(shadow) * skin.max(), amount * lid)
    within = (np.abs(x) < half) * c.edge(y + top) * c.edge(low - y)
    ball = 0.90 - 0.28 * np.abs(u) ** 2.5 - 0.30 * np.clip(1 - (y + top) / 0.012, 0, 1)
    c.paint(np.array((1.0, 0.97, 0.95)) * ball[..., None], within)
    iris = 0.0225 * (1 + 0.14 * v["iris_size"]) * (1 + 0.5 * (big - 1))
    r = np.hypot(x, y + 0.004) / iris
    colour = between(IRIS, 0.35 + 0.35 * v["iris_colour"])
    if v["iris_paint"] is not None:
        colour = np.array(v["iris_paint"]) * (1 + 0.3 * v["iris_colour"])
    rings = (0.75 + 0.45 * np.clip(r, 0, 1) - 0.75 * np.clip(r - 0.8, 0, 1) / 0.2) * (1 + 6 * y)
    c.paint(colour * rings[..., None], within * c.edge((1 - r) * iris))
    pupil = 0.42 + 0.12 * v["pupil_size"]
    c.paint((0.02, 0.02, 0.02), within * c.edge((pupil - r) * iris))
    glint = np.hypot(c.x - side * EYE_X + 0.008, y + 0.013)
    c.paint((1.0, 1.0, 1.0), 0.9 * within * c.edge(0.0045 - glint, 0.002))
    c.shade(1 - 0.45 * within * np.exp(-(((y + top) / 0.007) ** 2)))
    thick = 0.0040 + 0.0030 * np.clip(u, 0, 1) + 0.0020 * (1 + v["eyeliner"])
    lash = np.exp(-(((y + top + 0.001) / thick) ** 2)) * c.edge(half + 0.004 - np.abs(x), 0.006)
    c.paint((0.08, 0.05, 0.05), 0.9 * lash)
    rim = np.exp(-(((y - low - 0.001) / 0.003) ** 2)) * c.edge(half - np.abs(x), 0.012)
    c.paint(0.42 * skin, (0.45 + 0.25 * v["eyeliner"]) * rim)
    fold = y + 1.15 * top + 0.013 + 0.003 * v["eyelid_fold"]
    crease = np.exp(-((fold / 0.0035) ** 2)) * c.edge(0.95 * half - np.abs(x), 0.02)
    c.shade(1 - (0.28 + 0.2 * v["eyelid_fold"]) * crease)
