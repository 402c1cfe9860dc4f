"""Blind test of likeness: numbered sheets for a viewer, and the rates of the viewer's answers.

    python benchmarks/blind.py gallery out/page -g justice --photos PHOTOS -o out/blind
    python benchmarks/blind.py pairs out/before out/after -o out/pairs
    python benchmarks/blind.py score out/blind/key.json out/blind/sheets/answers.json

`f2p evaluate fit --page FOLDER` makes the folders. Give the viewer only the folder `sheets`; the
viewer fills in `answers.json` in it. The answers of the viewer:

gallery: gallery.png has one photo of every person, and no picture is fitted to one of these photos.
    Per sheet: `first` and `second`, numbers of the two likeliest people, and `friend`, true if a
    friend of `first` would know the person in the picture.
pairs: a photo between two characters. Per sheet: `nearer`, "left", "right" or "same", and `friend`,
    the list of the sides in which a friend of the person would know the person.
"""

from __future__ import annotations

import argparse
import base64
import csv
import html
import io
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from f2p_sdk import align, detector, game, load_image, pick_face
from f2p_sdk.errors import F2PError

SIDE, GAP, STRIP = 256, 12, 32
PAPER, INK = (250, 250, 250), (24, 24, 26)
Pictures = dict[str, dict[str, Image.Image]]


def read_page(folder: Path, method: str | None) -> Pictures:
    """Return ``photo`` and ``engine`` of every fit of a method in a page, by file name."""
    page = folder / "index.html"
    if not page.is_file():
        sys.exit(f"{page}: is missing; make it with f2p evaluate fit --page {folder}")
    rows = {}
    for section in page.read_text(encoding="utf-8").split("<section>")[1:]:
        title, *found = re.findall(r'<h2>(.*?)</h2>|<img alt="(.*?)"[^>]*base64,(.*?)"', section)
        rows[html.unescape(title[0])] = {html.unescape(label): data for _, label, data in found}
    labels = dict.fromkeys(name for row in rows.values() for name in row if ": engine" in name)
    if method is None and len(labels) != 1:
        names = ", ".join(labels).replace(": engine", "")
        sys.exit(f"{page}: give one of its methods with --method: {names}")
    engine = f"{method}: engine" if method else next(iter(labels))
    return {
        file: {"photo": _decode(row["photo"]), "engine": _decode(row[engine])}
        for file, row in rows.items()
        if engine in row
    }


def _decode(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def compose(tiles: list[tuple[str, Image.Image]], columns: int) -> Image.Image:
    """Draw pictures in a grid with a label above each."""
    font = ImageFont.load_default(size=20)
    wide, high = SIDE + GAP, SIDE + STRIP + GAP
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * wide + GAP, rows * high + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for k, (label, picture) in enumerate(tiles):
        x, y = GAP + k % columns * wide, GAP + k // columns * high
        draw.text((x + SIDE / 2, y + STRIP / 2), label, INK, font, "mm")
        sheet.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (x, y + STRIP))
    return sheet


def write(
    args: argparse.Namespace, sheets: dict[str, Image.Image], key: dict[str, Any], blank: Any
) -> None:
    """Write sheets, the form of the answers, and the key, which the viewer must not see."""
    if not key["sheets"]:
        sys.exit("no sheets: a gallery needs two photos of a person, pairs need a common photo")
    folder = args.out / "sheets"
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in sheets.items():
        sheet.save(folder / f"{name}.{args.format}", quality=92)
    form = dict.fromkeys(key["sheets"], blank)
    (folder / "answers.json").write_text(json.dumps(form, indent=1) + "\n", encoding="utf-8")
    path = args.out / "key.json"
    path.write_text(json.dumps({"seed": args.seed, **key}, indent=1) + "\n", encoding="utf-8")
    print(f"{len(key['sheets'])} sheets in {folder}; answers in {path}")


def gallery(args: argparse.Namespace) -> None:
    """Draw one photo of every person, and a sheet for each character fitted to another photo."""
    fitted = read_page(args.folder, args.method)
    table = args.identities or args.photos / "identities.csv"
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row.get("file") and row.get("identity")]
    shuffle = random.Random(args.seed)
    shuffle.shuffle(rows)
    rows.sort(key=lambda row: row["file"] in fitted)  # first the photos that were not fitted
    people: dict[str, tuple[str, Image.Image]] = {}
    for row in rows:
        if row["identity"] not in people:
            name = args.game if "/" in args.game or not row.get("kind") else None
            try:
                photo = crop(args.photos / row["file"], name or f"{args.game}/{row['kind']}")
            except F2PError as error:
                print(f"{row['file']}: {error.message}", file=sys.stderr)
                continue
            people[row["identity"]] = (row["file"], photo)
    order = shuffle.sample(sorted(people), len(people))
    shown = {people[who][0] for who in order}
    tests = [
        row
        for row in shuffle.sample(rows, len(rows))
        if row["file"] in fitted.keys() - shown and row["identity"] in people
    ]
    tiles = [(str(n), people[who][1]) for n, who in enumerate(order, start=1)]
    sheets = {"gallery": compose(tiles, min(6, max(1, len(tiles))))}
    answers = {}
    for n, row in enumerate(tests, start=1):
        name = f"sheet-{n:02d}"
        sheets[name] = compose([(name, fitted[row["file"]]["engine"])], 1)
        answers[name] = {"number": order.index(row["identity"]) + 1, "file": row["file"]}
    photos = {str(n): people[who][0] for n, who in enumerate(order, start=1)}
    key = {"test": "gallery", "people": photos, "sheets": answers}
    write(args, sheets, key, {"first": None, "second": None, "friend": None})


def crop(path: Path, name: str) -> Image.Image:
    """Return a photo in the framing of a kind."""
    photo = load_image(path)
    face = pick_face(detector().detect(photo)).face
    return Image.fromarray(np.asarray(align(photo, face.landmarks, game(name).framing).picture))


def pairs(args: argparse.Namespace) -> None:
    """Draw a sheet for each photo, between its characters of two pages in random order."""
    before, after = (read_page(folder, args.method) for folder in (args.before, args.after))
    shuffle = random.Random(args.seed)
    files = sorted(before.keys() & after.keys())
    sheets, answers = {}, {}
    for n, file in enumerate(shuffle.sample(files, len(files)), start=1):
        name, side = f"pair-{n:02d}", shuffle.choice(("left", "right"))
        first, last = (after, before) if side == "left" else (before, after)
        left, right = ("left", first[file]["engine"]), ("right", last[file]["engine"])
        sheets[name] = compose([left, (name, after[file]["photo"]), right], 3)
        answers[name] = {"after": side, "file": file}
    key = {"test": "pairs", "sheets": answers}
    write(args, sheets, key, {"nearer": None, "friend": []})


def score(args: argparse.Namespace) -> None:
    """Print the rates of the answers; a sheet without an answer counts as a wrong answer."""
    key, given = (json.loads(path.read_text("utf-8")) for path in (args.key, args.answers))
    unknown = sorted(given.keys() - key["sheets"].keys())
    if unknown:
        sys.exit(f"{args.answers}: {unknown[0]} is not a sheet of {args.key}")
    rows = [(true, given.get(name, {})) for name, true in key["sheets"].items()]

    def rate(hits: list[bool]) -> float:
        return round(sum(hits) / len(hits), 3)

    found: dict[str, Any] = {"test": key["test"], "sheets": len(rows)}
    question = "first" if key["test"] == "gallery" else "nearer"
    found["answered"] = sum(answer.get(question) is not None for _, answer in rows)
    if key["test"] == "gallery":
        first = [answer.get("first") == true["number"] for true, answer in rows]
        second = [answer.get("second") == true["number"] for true, answer in rows]
        friend = [answer.get("friend") in (True, "yes") for _, answer in rows]
        found["people"] = len(key["people"])
        found["right_first"] = rate(first)
        found["right_among_two"] = rate([a or b for a, b in zip(first, second, strict=True)])
        found["friend_would_know"] = rate([a and b for a, b in zip(first, friend, strict=True)])
    else:
        sides = [(true["after"], set(answer.get("friend") or ())) for true, answer in rows]
        found["nearer_after"] = rate([a.get("nearer") == true["after"] for true, a in rows])
        found["nearer_same"] = rate([a.get("nearer") == "same" for _, a in rows])
        found["friend_would_know"] = {
            "before": rate([bool(known - {after}) for after, known in sides]),
            "after": rate([after in known for after, known in sides]),
        }
    print(json.dumps(found, indent=2))


def main() -> None:
    assert __doc__ is not None
    as_is = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_is)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    common.add_argument("--method", metavar="NAME", help="method, of a page with several ones")
    common.add_argument("--seed", type=int, default=0, metavar="N", help="of the random order")
    common.add_argument("--format", choices=("png", "jpeg"), default="png")
    one = commands.add_parser("gallery", parents=[common], help=gallery.__doc__)
    one.set_defaults(run=gallery)
    one.add_argument("folder", type=Path, metavar="PAGE", help="folder of the page")
    one.add_argument("-g", "--game", required=True, metavar="GAME[/KIND]")
    one.add_argument("--photos", type=Path, required=True, metavar="DIR")
    one.add_argument(
        "--identities", type=Path, metavar="CSV", help="default: identities.csv of the photos"
    )
    two = commands.add_parser("pairs", parents=[common], help=pairs.__doc__)
    two.set_defaults(run=pairs)
    two.add_argument("before", type=Path, help="folder of the first page")
    two.add_argument("after", type=Path, help="folder of the second page")
    three = commands.add_parser("score", help=score.__doc__)
    three.set_defaults(run=score)
    three.add_argument("key", type=Path, metavar="KEY.json")
    three.add_argument("answers", type=Path, metavar="ANSWERS.json")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
