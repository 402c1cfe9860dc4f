"""``Fitter``: photo to character, with all that stays the same from photo to photo loaded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .. import images, plugins
from ..alignment import align, pick_face
from ..images import Picture
from ..parsing.picture_parser import PictureParser
from ..recognizers.embedding import embed_face, find_landmarks
from ..search import Problem, Space
from ..tensors import to_array, to_tensor
from .appearance import is_own
from .augmentation import AugmentedEmbedding, LandmarkTracker
from .blur import Lens, lens_of
from .denoising import smoothed
from .flow import Found, Tools, find
from .recipes import PORTRAIT, Recipe, recipe
from .renderers import EngineDraws, Imitator, open_imitator
from .report import Clock, Progress, versions
from .result import FitResult, Subject
from .targets import Goal, goal_of, usual

if TYPE_CHECKING:
    from ..bridge import Host
    from ..hookspecs import Detector, Parser, Recognizer
    from ..kinds import Kind
    from ..parameters import Character
    from ..parameters.character import Value

__all__ = ["JUDGE", "Fitter"]

JUDGE = "dlib"  # whose distance is told, whatever the search looks through

ONCE = 1_000_000_000
SHOWN = 512  # pixels: pictures for people, and to measure on, are at least this large


class Fitter:
    """Fits photos to one kind of character.

    Args:
        game: ``"justice/female"``, or a Kind.
        host: an engine's bridge, from ``open_engine``; None fits without engine and verification.
        weights: name of one of the kind's weights, or a file; default: the first that is there.
        recognizer, detector, parser: names, or objects; default: the best installed. Where no
            parser can be used, what needs one is left out.
        population: characters of this kind, e.g. fitted ones, that say what is usual: the prior is
            whitened by them, group by group. By default by the layout's own random characters,
            whose sliders are uniform and independent.
        imitator: a frozen callable (B, D) -> (B, 3, S, S) to use instead of ``weights``.
        deadline: seconds the engine has for one picture.
    """

    def __init__(
        self,
        game: str | Kind,
        host: Host | None = None,
        *,
        weights: str | Path | None = None,
        recognizer: str | Recognizer | None = None,
        detector: str | Detector | None = None,
        parser: str | Parser | None = None,
        population: Sequence[Character] = (),
        imitator: Imitator | None = None,
        deadline: float = 30.0,
    ) -> None:
        self.kind = plugins.game(game) if isinstance(game, str) else game
        self.layout = self.kind.layout
        self.framing = self.kind.framing
        self.card: Mapping[str, Any] = {}
        if imitator is None:
            imitator, self.card = open_imitator(self.kind, weights)
        self.imitator = imitator
        self.recognizer: Recognizer = (
            plugins.recognizer(recognizer)
            if recognizer is None or isinstance(recognizer, str)
            else recognizer
        )
        self.detector: Detector = (
            plugins.detector(detector)
            if detector is None or isinstance(detector, str)
            else detector
        )
        self.judge = self._judge(given=recognizer)
        self.reader = _open_reader(parser)
        self.population = self._population(population)
        self.engine = None if host is None else EngineDraws(host, self.kind, deadline=deadline)
        self.start = torch.from_numpy(self.layout.encode(self.layout.default()))
        self.size = max(SHOWN, self.framing.size)
        if self.engine is not None:
            self.size = min(self.size, self.engine.info.max_size)
        self._average: Picture | None = None

    def fit(
        self,
        photo: str | Path | bytes | Picture,
        *,
        keep: Mapping[str, Value] | None = None,
        seed: int = 0,
        method: str = "best",
        steps: int | None = None,
        face: int | None = None,
        progress: Progress | None = None,
    ) -> FitResult:
        """A photo to a character of this kind.

        Args:
            photo: a file, its bytes, or uint8 (H, W, 3) RGB sRGB.
            keep: parameters the player has set, in game units; they are not touched.
            seed: same seed on the same machine with as many threads, same result, where
                ``MKL_CBWR`` was ``AUTO`` before torch's first product; importing f2p_sdk sets it.
            method: ``"best"``, ``"slides"`` or ``"paper"``, see :mod:`.recipes`.
            steps: steps of the first search, instead of the method's own; later stages follow suit.
                A picture that the game itself drew is solved for, whatever the steps.
            face: which face, 1 is the largest; default the largest.
            progress: called as ``progress(stage, done, total)``.

        Raises:
            F2PError: ImageError, FaceError, CharacterError (``keep``), SearchError, BridgeError.
        """
        plan = recipe(method, steps)
        kept = dict(keep or {})
        start = self.layout.encode({**self.layout.default().values, **kept})
        held = [self.layout.slices[name] for name in kept]
        clock = Clock(progress)
        drawn_before = 0 if self.engine is None else self.engine.count
        with clock.stage("photo"):
            subject = self.see(photo, face)
        if subject.own and method == "best":
            plan = PORTRAIT
        space = Space.around(
            torch.from_numpy(start), self.layout.n_continuous, self.layout.slots, held, plan.lead
        )
        with torch.no_grad():
            size = self.imitator(self.start[None]).shape[-1]
        tools = Tools(
            self.imitator,
            AugmentedEmbedding(self.recognizer, self._tracker(), plan.jittered, plan.jitter, seed),
            # While choices are tried the face stays where it is: its landmarks are found once.
            AugmentedEmbedding(self.recognizer, self._tracker(every=ONCE), 0),
            self.engine,
            size,
            self.reader,
            lens_of(subject.aligned.picture, self.average_picture()) if plan.lens else Lens(),
        )
        found = find(plan, space, self._goal(subject, plan, space), tools, seed, clock)
        with clock.stage("verify"):
            best, distances, picture, verified = self._verify(found, subject, space, tools.lens)
            vector = found.candidates[best]
            imitation = self.imitate(vector)
            distances["imitator"] = self.distance(imitation, subject.judged)
        report = {
            "game": self.kind.name,
            "layout_hash": self.layout.hash,
            "method": method,
            "own_picture": subject.own,
            "seed": seed,
            "face": {
                "found": subject.picked.count,
                "taken": subject.picked.number,
                "box": [round(float(edge), 1) for edge in subject.picked.face.box],
                "message": subject.picked.message,
                "hints": list(subject.aligned.hints),
            },
            "kept": kept,
            "scene": dict(found.scene),
            "blur": tools.lens.blur,
            "identity_distance": distances,
            "chosen": best,
            "verified": verified,
            "losses": found.losses,
            "weights_of_terms": {name: w for name, (w, _) in found.objective.parts.items()},
            "seconds": clock.seconds(),
            "engine_pictures": 0 if self.engine is None else self.engine.count - drawn_before,
            "versions": self._versions(),
            "imitator": dict(self.card),
        }
        # float32 is not what the player typed: kept values come back to the last digit.
        character = self.layout.decode(vector.numpy()).replace(**kept)
        return FitResult(character, picture, imitation, subject.aligned.picture, subject, report)

    # Parts that evaluation needs too

    def see(self, photo: str | Path | bytes | Picture, face: int | None = None) -> Subject:
        """Find, pick and align the face, and embed it. Raises ImageError, FaceError."""
        if isinstance(photo, np.ndarray):
            picture = images.check_picture(photo)
        else:
            picture = images.load(photo)
        clear = smoothed(picture)
        picked = pick_face(self.detector.detect(clear), face)
        landmarks = picked.face.landmarks
        frame = np.asarray(self.framing.landmarks)
        eyes = landmarks[:4] / len(picture)
        own = is_own(picture, self.average_picture(), eyes, frame[:4])
        framed = self.framing.pixels(len(picture)) if own else landmarks
        if not own:  # what the game drew is drawn again, grain and all
            picture = clear
        return Subject(
            picked,
            align(picture, framed, replace(self.framing, size=self.size)),
            embed_face(self.recognizer, picture, landmarks),
            embed_face(self.judge, picture, landmarks)[0],
            own,
        )

    def distance(self, picture: Picture, judged: Tensor) -> float:
        """Euclidean distance between the judge's embeddings of a picture and of a photo."""
        return float((self.embed(picture, self.judge) - judged).norm())

    def embed(self, picture: Picture, recognizer: Recognizer | None = None) -> Tensor:
        """(E,), the embedding of a picture of the game; by default the search's recognizer's.

        Landmarks are found as in any picture; where no face is found, the game's framing stands in.
        """
        found = find_landmarks(self.detector, picture)
        landmarks = self.framing.pixels(picture.shape[0]) if found is None else found
        return embed_face(recognizer or self.recognizer, picture, landmarks)[0]

    def average_picture(self) -> Picture:
        """The average character: drawn by the engine where there is one, else by the imitator."""
        if self._average is None:
            self._average = (
                self.imitate(self.start)
                if self.engine is None
                else self.engine.draw(self.start[None], self.size)[0]
            )
        return self._average

    def imitate(self, vector: Tensor) -> Picture:
        """(D,) to the imitator's picture, uint8."""
        with torch.no_grad():
            return to_array(self.imitator(vector[None]))

    def _verify(
        self, found: Found, subject: Subject, space: Space, lens: Lens
    ) -> tuple[str, dict[str, float], Picture | None, dict[str, dict[str, float]]]:
        """Which candidate is best on the engine's own picture, its distances, its standard
        portrait, and every candidate's terms there."""
        distances = {"average_character": self.distance(self.average_picture(), subject.judged)}
        if self.engine is None:
            return found.final, distances, None, {}
        vectors = torch.stack(list(found.candidates.values()))
        pictures = self.engine.draw(vectors, self.size, [found.scene] * len(vectors))
        looked = [lens.picture(picture) for picture in pictures]
        seen = torch.stack([self.embed(picture) for picture in looked])[None]
        shown = torch.cat([to_tensor(picture) for picture in looked])
        problem = Problem(space, found.objective, lambda *_: shown, lambda *_: seen, self.reader)
        with torch.no_grad():
            loss = problem.loss(vectors)
        winner = int(loss.total.argmin())
        if found.scene:
            pictures[winner] = self.engine.draw(vectors[winner][None], self.size)[0]
        distances["engine"] = self.distance(pictures[winner], subject.judged)
        names = list(found.candidates)
        terms = {name: loss.breakdown(i) for i, name in enumerate(names)}
        return names[winner], distances, pictures[winner], terms

    def _goal(self, subject: Subject, plan: Recipe, space: Space) -> Goal:
        prior = None
        if self.population is not None:
            prior = usual(self.layout, self.population, space.start)
        return goal_of(
            subject,
            plan,
            np.asarray(self.framing.landmarks),
            self.average_picture(),
            self.reader,
            prior=prior,
            cosine=getattr(self.recognizer, "metric", "euclidean") == "cosine",
        )

    def _judge(self, given: str | Recognizer | None) -> Recognizer:
        """Distances are comparable only if one recognizer measures them all; a caller's own object
        measures for itself."""
        if self.recognizer.name == JUDGE or not (given is None or isinstance(given, str)):
            return self.recognizer
        known = plugins.usable(plugins.recognizers())
        return plugins.recognizer(JUDGE) if JUDGE in known else self.recognizer

    def _population(self, characters: Sequence[Character]) -> Tensor | None:
        """Sliders (N, C) of characters of this kind; None for none."""
        if not characters:
            return None
        vectors = np.stack([self.layout.encode(character) for character in characters])
        return torch.from_numpy(vectors[:, : self.layout.n_continuous])

    def _tracker(self, every: int = 10) -> LandmarkTracker:
        return LandmarkTracker(
            self.detector, np.asarray(self.framing.landmarks, dtype=np.float64), every
        )

    def _versions(self) -> dict[str, Any]:
        engine = None if self.engine is None else self.engine.info
        return versions(
            recognizer=self.recognizer.name,
            judge=self.judge.name,
            parser="" if self.reader is None else self.reader.parser.name,
            detector=self.detector.name,
            **({} if engine is None else {"engine": f"{engine.name} {engine.version}"}),
        )


def _open_reader(parser: str | Parser | None) -> PictureParser | None:
    """The face parser's reader; None where none is named and none can be used."""
    if parser is None and not plugins.usable(plugins.parsers()):
        return None
    return PictureParser(
        plugins.parser(parser) if parser is None or isinstance(parser, str) else parser
    )
