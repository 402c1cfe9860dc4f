"""Draw the pictures of docs/explanation/method.md.

    python tools/method_pictures.py [GAME/KIND]

Fits the example photo and writes ``docs/pictures/method-photo.jpg`` (photo, aligned photo, face
crop, parser classes, cell colours) and ``docs/pictures/method-stages.jpg`` (the engine's picture
after each stage).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from f2p_sdk import open_engine
from f2p_sdk.images import Picture, load, resize, side_by_side
from f2p_sdk.pipeline import Fitter
from f2p_sdk.pipeline.methods import method
from f2p_sdk.pipeline.report import Clock
from f2p_sdk.plugins import game
from f2p_sdk.recognizers.embedding import crop_face
from f2p_sdk.search import Space
from f2p_sdk.tensors import to_tensor

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "examples" / "photos" / "astronaut.png"
PICTURES = ROOT / "docs" / "pictures"
SIDE = 256
COLOURS = np.array(
    [
        *((40, 44, 52), (224, 172, 140), (120, 70, 30), (150, 90, 40), (60, 120, 200)),
        *((80, 150, 230), (200, 120, 90), (220, 60, 90), (90, 20, 30), (240, 90, 120)),
        (110, 80, 50),
    ],
    np.uint8,
)


def main(name: str) -> None:
    """Fit the photo and write both sheets."""
    kind, best = game(name), method("best")
    with open_engine(kind) as host:
        fitter = Fitter(kind, host)
        subject = fitter.see(PHOTO)
        space = Space.around(
            fitter.start, fitter.layout.n_continuous, fitter.layout.slots, (), best.lead
        )
        context = fitter.context(subject, best, space, 0, Clock())
        state = best.run(context)
        vectors = torch.stack(list(state.candidates.values()))
        assert fitter.engine is not None
        drawn = fitter.engine.draw(vectors, SIDE)
    photo, aligned = load(PHOTO), subject.aligned.picture
    crop, _ = crop_face(photo, subject.picked.face.landmarks, margin=1.0)
    shown: list[tuple[str, Picture]] = [
        ("photo", _square(photo)),
        ("aligned", resize(aligned, SIDE)),
        ("face crop", _square(crop)),
    ]
    if context.reader is not None:
        with torch.no_grad():
            classes = context.reader(to_tensor(aligned)).probabilities[0].argmax(dim=0)
        shown.append(("classes", resize(COLOURS[classes.numpy()], SIDE)))
    cells = context.targets.colours.colours.permute(1, 2, 0).numpy()
    mosaic = Image.fromarray((cells * 255).round().astype(np.uint8))
    shown.append(
        ("cell colours", np.asarray(mosaic.resize((SIDE, SIDE), Image.Resampling.NEAREST)))
    )
    _write("method-photo.jpg", shown)
    _write("method-stages.jpg", list(zip(state.candidates, drawn, strict=True)))


def _square(picture: Picture) -> Picture:
    side = min(picture.shape[:2])
    return resize(picture[:side, :side], SIDE)


def _write(name: str, shown: list[tuple[str, Picture]]) -> None:
    sheet = side_by_side([picture for _, picture in shown], [title for title, _ in shown])
    Image.fromarray(sheet).save(PICTURES / name, quality=88)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "justice/female")
