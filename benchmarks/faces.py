"""Faces of an engine's characters, as dlib's detector and recognizer see them.

    python benchmarks/faces.py -g justice/female --count 1000

Random characters with the variation of people (``--evenly``: uniform values, as in ``f2p
capture``): the share of pictures in which dlib's detector finds a face, and the median distance of
two characters by dlib's recognizer (about 0.8 for two people). Then some of the characters under
random light and pose: the distance of these pictures from the standard portrait. The engine must
support scenes. Needs the plugin f2p-dlib.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from f2p_dlib.compare import Embedding, describe

from f2p_sdk import game
from f2p_sdk.bridge import open_engine
from f2p_sdk.capture import random_scene


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-g", "--game", required=True, metavar="GAME[/KIND]")
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="characters")
    parser.add_argument(
        "--varied", type=int, default=50, metavar="N", help="number of them in scenes"
    )
    parser.add_argument("--scenes", type=int, default=4, metavar="N", help="scenes per character")
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS")
    parser.add_argument("--evenly", action="store_true", help="uniform values, as in f2p capture")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    args = parser.parse_args()
    kind = game(args.game)
    random = kind.layout.random if args.evenly else kind.layout.person
    found: dict[int, Embedding] = {}
    near: list[float] = []
    lost = 0
    with open_engine(kind) as host:
        characters = (random(i, args.seed) for i in range(args.count))
        for i, picture in host.render_many(characters, size=args.size, ordered=True):
            embedding = describe(picture.color)
            if embedding is not None:
                found[i] = embedding
        for i in [i for i in range(min(args.varied, args.count)) if i in found]:
            for k in range(args.scenes):
                scene = random_scene(i * args.scenes + k, args.seed, ("pose", "light"))
                character = random(i, args.seed)
                embedding = describe(host.render(character, size=args.size, scene=scene).color)
                if embedding is None:
                    lost += 1
                else:
                    near.append(float(np.linalg.norm(embedding - found[i])))
    pairs = np.zeros(0)
    if len(found) > 1:
        rows = np.stack(list(found.values())).astype(np.float64)
        square = (rows**2).sum(1)
        apart = np.sqrt(np.maximum(square[:, None] + square[None] - 2 * rows @ rows.T, 0))
        pairs = apart[np.triu_indices(len(rows), 1)]
    shown = len(near) + lost
    print(
        json.dumps(
            {
                "game": kind.name,
                "size": args.size,
                "characters": args.count,
                "evenly": args.evenly,
                "detected": round(len(found) / args.count, 4),
                "distance_of_two_median": round(float(np.median(pairs)), 3) if len(pairs) else None,
                "distance_of_two_5_percent": (
                    round(float(np.quantile(pairs, 0.05)), 3) if len(pairs) else None
                ),
                "varied_pictures": shown,
                "varied_detected": round(len(near) / shown, 3) if shown else None,
                "varied_distance_median": round(float(np.median(near)), 3) if near else None,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
