"""Smallest distance of an engine's characters to the people in photos, without an imitator.

    python benchmarks/reach.py -g justice/female --photos PHOTOS

Least squares on dlib's embeddings of the engine's own pictures, from the average character, with
finite differences for each slider and each choice. The search uses no imitator and no parser, so it
compares engines. ``--listen`` waits for an engine that runs elsewhere, e.g. of another version.
Needs the plugin f2p-dlib.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from f2p_dlib.compare import describe
from torch import Tensor

from f2p_sdk import game, images
from f2p_sdk.bridge import open_engine
from f2p_sdk.search import Exact, Space
from f2p_sdk.search.exact.gauss_newton import Draw


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-g", "--game", required=True, metavar="GAME/KIND")
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR")
    parser.add_argument("--only", nargs="*", metavar="FILE", help="only these files of DIR")
    parser.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="rounds of finite differences"
    )
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="picture to write: photo, start, result"
    )
    parser.add_argument("--listen", metavar="ENDPOINT", help="wait here for an engine")
    args = parser.parse_args()
    kind = game(args.game)
    layout = kind.layout
    start = torch.from_numpy(layout.encode(layout.default()))
    one_round = Exact(grids=(32,), trials=3, noise=1.0, refreshed=0)
    files = [f for f in sorted(args.photos.iterdir()) if f.suffix in (".jpg", ".png")]
    rows, shown = [], []
    with open_engine(kind, listen=args.listen) as host:

        def draw(vectors: Tensor) -> Tensor:
            """Vectors (B, D) to embeddings (B, 128); zeros for a picture without a face."""
            characters = [layout.decode(vector) for vector in vectors.numpy()]
            found = [
                describe(picture.color)
                for _, picture in host.render_many(characters, size=args.size, ordered=True)
            ]
            zeros = np.zeros(128, np.float32)
            return torch.from_numpy(np.stack([zeros if e is None else e for e in found])).float()

        def compare(target: Tensor, cells: int) -> tuple[Tensor, Draw]:
            return target, draw

        for file in files:
            if args.only and file.name not in args.only:
                continue
            photo = images.load(file)
            embedding = describe(photo)
            if embedding is None:
                continue
            target, vector = torch.from_numpy(embedding).float(), start
            row = [float((draw(start[None])[0] - target).norm())]
            for _ in range(args.rounds):
                space = Space.around(vector, layout.n_continuous, layout.slots)
                vector = one_round.solve(space, partial(compare, target)).vector
                row.append(float((draw(vector[None])[0] - target).norm()))
            print(file.name, *(round(d, 3) for d in row), file=sys.stderr, flush=True)
            rows.append(row)
            ends = (layout.decode(one.numpy()) for one in (start, vector))
            drawn = [host.render(one, size=args.size).color for one in ends]
            shown.append(np.concatenate([images.resize(photo, args.size), *drawn], axis=1))
    if not rows:
        parser.error(f"{args.photos} has no photo (.jpg, .png) in which dlib finds a face")
    if args.out is not None:
        images.save(args.out, np.concatenate(shown))
    average = np.mean(rows, axis=0)
    document = {
        "game": kind.name,
        "photos": len(rows),
        "average_character": round(float(average[0]), 3),
        "reached": [round(float(d), 3) for d in average[1:]],
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
