"""Position of the face in an engine's pictures: measured by a detector, compared with the framing.

Points are float64 (5, 2), fractions of width and height, in the order of a :class:`Framing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import images, plugins
from ..alignment import Array, Face, similarity
from ..capture import Record, read_records, record_numbers
from ..errors import EngineLostError, F2PError
from ..findings import Finding
from ..hookspecs import Detector
from ..images import Picture

if TYPE_CHECKING:
    from ..bridge import Host
    from ..kinds import Framing, Kind

SIZES = (384, 512, 768)  # pixels of the measured pictures; the mean over them has less noise
CHARACTERS = 20  # random ones
SEED = 0
SIDE = 512  # pixels of the random characters
TOLERANCE = 0.05  # of the eye distance, between framing and measured points
ENOUGH = 0.95  # share of random characters with a face
DEADLINE = 60.0  # seconds for one picture
_OTHER_SIDE = [2, 3, 0, 1, 4]  # the same points of the mirrored face

Progress = Callable[[int], None]
"""Called with the number of inspected pictures."""


@dataclass(frozen=True, eq=False)
class DefaultFace:
    """The default character's face.

    Attributes:
        picture: uint8 (S, S, 3), the largest of the drawn pictures.
        sizes: sides in pixels of the drawn pictures.
        points: mean landmarks, left and right averaged; None if a picture shows no face.
    """

    picture: Picture
    sizes: tuple[int, ...]
    points: Array | None


@dataclass(frozen=True)
class RandomFaces:
    """Random characters in whose pictures the detector found no face.

    Attributes:
        count: number of inspected characters, ``layout.random(i, seed)`` for i from 0.
        missed: their numbers i.
    """

    count: int
    missed: tuple[int, ...]

    @property
    def enough(self) -> bool:
        return self.count - len(self.missed) >= ENOUGH * self.count

    def __str__(self) -> str:
        text = f"a face is found in {self.count - len(self.missed)} of {self.count}"
        if not self.missed:
            return text
        first = ", ".join(map(str, self.missed[:3]))
        return f"{text}; in none of the numbers {first} of seed {SEED}, for example"


def default_face(
    kind: Kind, host: Host, detector: Detector | None, progress: Progress | None = None
) -> DefaultFace:
    """Draw the default character at ``SIZES`` and measure its face; None only draws.

    Raises:
        F2PError: the engine does not draw it.
    """
    largest = host.wait().max_size
    sizes = tuple(dict.fromkeys(min(size, largest) for size in SIZES))
    found: list[Array] = []
    for done, size in enumerate(sizes, 1):
        picture = host.render(kind.layout.default(), size=size, deadline=DEADLINE).color
        if detector is not None and len(found) == done - 1:  # no detection after a missed one
            points = mirrored_mean(detector, picture)
            found += [] if points is None else [points]
        if progress is not None:
            progress(done)
    whole = len(found) == len(sizes)
    return DefaultFace(picture, sizes, symmetric(np.mean(found, axis=0)) if whole else None)


def random_faces(
    kind: Kind, host: Host, detector: Detector, progress: Progress | None = None
) -> RandomFaces:
    """Draw ``CHARACTERS`` random characters and look for their faces."""
    characters = (kind.layout.random(i, SEED) for i in range(CHARACTERS))
    side = min(SIDE, host.wait().max_size)
    drawn = host.render_many(characters, size=side, deadline=DEADLINE, ordered=True)
    missed = missing_faces((picture.color for _, picture in drawn), detector, progress)
    return RandomFaces(CHARACTERS, tuple(missed))


def missing_faces(
    pictures: Iterable[Picture], detector: Detector, progress: Progress | None = None
) -> list[int]:
    """Positions of the pictures in which the detector finds no face."""
    missed = []
    for position, picture in enumerate(pictures):
        if not detector.detect(picture):
            missed.append(position)
        if progress is not None:
            progress(position + 1)
    return missed


@dataclass(frozen=True)
class SampledFaces:
    """Faces in a sample of a data set's pictures: number of pictures, and of those with a face."""

    sample: int
    found: int

    @property
    def enough(self) -> bool:
        return self.found >= ENOUGH * self.sample


def sampled_faces(
    folder: Path, detector: Detector, progress: Progress | None = None
) -> SampledFaces:
    """Look for faces in up to ``CHARACTERS`` pictures of a data set, evenly distributed over it.

    Raises:
        DatasetError: there is no data set, or a picture is damaged.
    """
    numbers = record_numbers(folder)
    count = min(CHARACTERS, len(numbers))
    chosen = {numbers[i * len(numbers) // count] for i in range(count)}
    pictures = (_shrunk(record, folder) for record in read_records(folder, chosen))
    missed = missing_faces(pictures, detector, progress)
    return SampledFaces(len(chosen), len(chosen) - len(missed))


def _shrunk(record: Record, folder: Path) -> Picture:
    picture = images.decode(record.png, name=f"{folder}, record {record.number}")
    return images.resize(picture, SIDE) if max(picture.shape) > SIDE else picture


def mirrored_mean(detector: Detector, picture: Picture) -> Array | None:
    """Mean of the landmarks in a picture and in its mirror image; None without a face.

    A detector sees the two eyes with different errors; the mean over both images has none of them.
    """
    faces = detector.detect(picture)
    mirrored = detector.detect(np.ascontiguousarray(picture[:, ::-1])) if faces else []
    if not mirrored:
        return None
    height, width = picture.shape[:2]
    one, other = ((face[0].landmarks + 0.5) / (width, height) for face in (faces, mirrored))
    other = np.column_stack((1 - other[:, 0], other[:, 1]))[_OTHER_SIDE]
    mean: Array = (one + other) / 2
    return mean


def symmetric(points: Array) -> Array:
    """Average left and right about the face's own axis; place, size and tilt stay."""
    mirrored = (points * (-1, 1))[_OTHER_SIDE]
    turn = similarity(mirrored, points)[:, :2]
    turn = turn / np.hypot(*turn[0])  # without its scale, the average is exactly symmetric
    moved = (mirrored - mirrored.mean(axis=0)) @ turn.T + points.mean(axis=0)
    mean: Array = (points + moved) / 2
    return mean


def deviation(framing: Framing, points: Array) -> float:
    """Largest distance between the framing's points and these, in eye distances of these."""
    framed = symmetric(np.array(framing.landmarks))
    distance = float(np.hypot(*(framed - points).T).max())
    return distance / Face((0, 0, 1, 1), points).eye_distance


def no_face_remedy(kind: Kind) -> str:
    """Next step if the default character's face is not found."""
    return (
        f"look at the picture that f2p framing -g {kind.name} writes: the default character must "
        "look into the camera, upright, evenly lit, its eyes 40 pixels or more apart; if its face "
        "is too stylised for the detector, measure the five points by eye in that picture and "
        "write them into the framing, with by_hand = true"
    )


def few_faces_remedy(kind: Kind) -> str:
    """Next step if few faces of random characters are found."""
    return (
        f"look at them: f2p sheet -g {kind.name} --random {CHARACTERS} --evenly --seed {SEED}; if "
        "they look like no person, use smaller ranges in the layout; if they do, the detector "
        "misses the style: fits use the framing's points then"
    )


def check_faces(kind: Kind, host: Host) -> Iterator[Finding]:
    """Compare the framing with the default character's face; look for faces of random ones."""
    rule = "the default character's face is found"
    try:
        detector = plugins.detector()
    except F2PError as error:
        yield Finding("framing", kind.name, rule, "skipped", error.message, error.remedy)
        return
    try:
        face = default_face(kind, host, detector)
        framing = _framing(kind)
        by_hand = framing is not None and framing.by_hand
        if face.points is None:
            sizes = ", ".join(map(str, face.sizes))
            value = f"the detector {detector.name} finds no face at {sizes} pixels"
            status = "warning" if by_hand else "failed"
            yield Finding("framing", kind.name, rule, status, value, no_face_remedy(kind))
            return
        yield Finding("framing", kind.name, rule, value=f"by the detector {detector.name}")
        if framing is not None:
            yield _comparison(kind, framing, face.points)
        faces = random_faces(kind, host, detector)
    except EngineLostError:
        raise  # no engine is left to check
    except F2PError as error:
        yield Finding.of_error("framing", kind.name, rule, error)
        return
    found = (
        ("ok", str(faces), "") if faces.enough else ("warning", str(faces), few_faces_remedy(kind))
    )
    yield Finding("framing", kind.name, "faces of random characters are found", *found)


def _framing(kind: Kind) -> Framing | None:
    """The kind's framing; None without a valid one, which check_adapter reports."""
    try:
        return kind.framing
    except F2PError:
        return None


def _comparison(kind: Kind, framing: Framing, points: Array) -> Finding:
    rule = "the framing is at the default character's face"
    off = deviation(framing, points)
    value = f"off by {off:.1%} of the eye distance"
    if off <= TOLERANCE:
        return Finding("framing", kind.name, rule, value=value)
    value += f", more than {TOLERANCE:.0%}"
    remedy = f"measure it again: f2p framing -g {kind.name} --overwrite"
    status = "warning" if framing.by_hand else "failed"
    return Finding("framing", kind.name, rule, status, value, remedy)
