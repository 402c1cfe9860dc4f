"""The features of the drawn face that sliders and choices change.

`f2p new-adapter` chose them by the names in the slider table. Change them as you like.
"""

# Slider -> feature, or a bump (x, y, radius) where the drawn face has no such feature.
SLIDERS = {
    "skin_tone": "skin_tone",
    "face_width": "face_width",
    "jaw_width": "jaw_width",
    "chin_length": "chin_length",
    "brow_height": "brow_height",
    "brow_tilt": "brow_tilt",
    "eye_size": "eye_size",
    "eye_distance": "eye_distance",
    "eye_tilt": "eye_tilt",
    "nose_width": "nose_width",
    "nose_length": "nose_length",
    "mouth_width": "mouth_width",
    "lip_thickness": "lip_thickness",
    "hair_colour": "hair_colour",
}

# Choice -> look. A mark is a painted spot (x, y, radius, colour).
CHOICES = {
    "hair": {
        "none": {"style_length": -1},
        "short": {},
        "bob": {"style_length": 0.45},
        "long": {"style_length": 0.95},
    },
    "eye_colour": {
        "brown": {"iris_paint": (0.36, 0.23, 0.15)},
        "green": {"iris_paint": (0.3, 0.52, 0.3)},
        "blue": {"iris_paint": (0.28, 0.44, 0.7)},
    },
    "lipstick": {
        "none": {},
        "rose": {"lip_paint": (0.78, 0.36, 0.44)},
        "red": {"lip_paint": (0.68, 0.16, 0.16)},
        "plum": {"lip_paint": (0.42, 0.14, 0.3)},
    },
}


def features(layout, values):
    """Convert the values of a character to the arguments of `draw`."""
    found, reliefs, marks = {}, [], []
    for p in layout.continuous:
        offset = values[p.name] - p.default
        amount = offset / (p.high - p.default if offset > 0 else p.default - p.low or 1)
        target = SLIDERS.get(p.name)
        if isinstance(target, str):
            found[target] = amount
        elif target is not None:
            reliefs.append((*target, amount))
    for p in layout.discrete:
        look = dict(CHOICES.get(p.name, {}).get(values[p.name], {}))
        if "mark" in look:
            marks.append(look.pop("mark"))
        found |= look
    return {"values": found, "reliefs": reliefs, "marks": marks}
