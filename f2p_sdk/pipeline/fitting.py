"""``Fitter``: photos to characters of one kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from .. import images, plugins
from ..alignment import align, pick_face
from ..errors import UsageError
from ..images import PhotoSource, Picture
from ..parsing.picture_parser import PictureParser
from ..recognizers.embedding import embed_face, find_landmarks
from ..search import Space
from ..tensors import to_array, to_tensor
from .as_photo import draw_as_photo
from .augmentation import AugmentedEmbedding, LandmarkTracker
from .blur import Blur, match_blur
from .candidates import other_hairstyles
from .denoising import denoised
from .expression import open_landmarks, photo_face
from .hair import HAIR
from .held import held_parameters, known_columns, unknown_parameters
from .judgement import judge
from .method import Context, Method
from .methods import method as find_method
from .own_picture import is_own_picture
from .renderers import Imitator, known_assets, open_engine_renderer, open_imitator
from .report import Clock, Progress, circumstances, outcome
from .result import Candidate, FitResult, Subject
from .several import mean_colours, merge_subjects, photo_weights
from .targets import Targets, slider_prior
from .verification import on_grid, verify

if TYPE_CHECKING:
    from ..bridge import Host
    from ..hookspecs import Detector, Parser, Recognizer
    from ..kinds import Kind
    from ..parameters import Character
    from ..parameters.character import Value

__all__ = ["Fitter"]

_Part = TypeVar("_Part")
_NEVER = 1_000_000_000  # steps between two detections while choices are searched
SHOWN = 512  # pixels: least side of pictures for people and for measurements


class Fitter:
    """Fits photos to one kind of character; loads networks and engine once.

    Args:
        game: ``"justice/female"``, or a Kind.
        host: an engine's bridge, from ``open_engine``; None fits without engine and verification.
        weights: name of one of the kind's weights, or a file; default: the first that exists.
        recognizer, detector, parser: names, or objects; default: the best installed. Without a
            usable parser, terms that need one are left out.
        population: characters of this kind, e.g. fitted ones. They whiten the prior per parameter
            group. By default sliders count as uniform and independent.
        imitator: a frozen callable (B, D) -> (B, 3, S, S) in place of ``weights``.
        deadline: seconds the engine has for one picture.

    Raises:
        F2PError: PluginError, UnknownNameError, WeightsError, BridgeError.
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
        loaded = open_imitator(self.kind, weights) if imitator is None else (imitator, {})
        self.imitator, self.card = loaded
        self.recognizer: Recognizer = _opened(recognizer, plugins.recognizer)
        self.detector: Detector = _opened(detector, plugins.detector)
        # One recognizer for all fits makes distances comparable; a given object measures itself.
        self.measure = self.recognizer
        if recognizer is None or isinstance(recognizer, str):
            self.measure = plugins.likeness_recognizer() or self.recognizer
        self.reader: PictureParser | None = None
        if parser is not None or plugins.usable(plugins.parsers()):
            self.reader = PictureParser(_opened(parser, plugins.parser))
        self.locate = open_landmarks(self.kind)
        self.population = tuple(population)
        self.unknown = unknown_parameters(self.card, self.layout)
        self.engine = open_engine_renderer(host, self.kind, self.card, deadline)
        self.start = torch.from_numpy(self.layout.encode(self.layout.default()))
        self.size = max(SHOWN, self.framing.size)
        if self.engine is not None:
            self.size = min(self.size, self.engine.info.max_size)
        self._average: Picture | None = None

    def fit(
        self,
        photo: PhotoSource,
        *,
        also: Sequence[PhotoSource] = (),
        keep: Mapping[str, Value] | None = None,
        seed: int = 0,
        method: str = "best",
        steps: int | None = None,
        face: int | None = None,
        candidates: int = 1,
        progress: Progress | None = None,
    ) -> FitResult:
        """Fit one person.

        Args:
            photo: a file, its bytes, uint8 (H, W, 3) RGB sRGB, or of :func:`f2p_sdk.read_photo`.
            also: further photos of the same person; large, frontal and calm faces count more.
            keep: parameters that stay at these values, in game units.
            seed: same seed on the same machine with as many threads, same result, where
                ``MKL_CBWR`` was ``AUTO`` before torch's first product; importing f2p_sdk sets it.
            method: a name from :mod:`.methods`: ``"best"``, ``"slides"``, ``"paper"``, or
                ``"exact"`` for a picture that the engine itself drew.
            steps: steps of the first gradient search; later ones scale in proportion.
            face: number of the face, 1 is the largest; default the largest.
            candidates: number of characters; those after the first have other hairstyles.
            progress: called as ``progress(stage, done, total)``.

        Raises:
            F2PError: ImageError, FaceError, CharacterError (``keep``), SearchError, BridgeError,
                UsageError, UnknownNameError.
        """
        plan = find_method(method, steps)
        kept = {name: self.layout[name].validate(value) for name, value in (keep or {}).items()}
        start = self.layout.encode({**self.layout.default().values, **kept})
        fixed = [self.layout.slices[name] for name in kept]
        clock = Clock(progress)
        drawn_before = 0 if self.engine is None else self.engine.count
        with clock.stage("photo"):
            subjects = []
            for number, one in enumerate((photo, *also), start=1):
                known = images.take(one, f"photo {number}" if also else "")
                subjects.append(self.see(known, face, own_picture=plan.own_picture))
            weights = photo_weights(subjects)
            subject = merge_subjects(subjects, weights) if also else subjects[0]
        space = Space.around(
            torch.from_numpy(start), self.layout.n_continuous, self.layout.slots, fixed, plan.lead
        )
        context = self.context(subject, plan, space, seed, clock)
        if also and not plan.own_picture:
            each = [self._targets(one, plan, space).colours for one in subjects]
            targets = replace(context.targets, colours=mean_colours(each, weights))
            context = replace(context, targets=targets)
        state = on_grid(plan.run(context), self.layout)
        with clock.stage("verify"):
            verified = verify(context, state, self.embed, self.size)
            vector = state.candidates[verified.chosen]
            imitation = self.imitate(vector)
            shown = {"average_character": self.average_picture(), "imitator": imitation}
            if verified.picture is not None:
                shown["engine"] = verified.picture
            distances = {k: self.distance(v, subject.measured) for k, v in shown.items()}
            as_photo, seen = draw_as_photo(context, vector, verified.picture, subject.face)
            others = other_hairstyles(context, state, vector, candidates - 1, self.size)
        report = {
            **circumstances(self, plan, subject),
            "seed": seed,
            "photo_weights": [round(w, 3) for w in weights.tolist()],
            "kept": kept,
            "held": held_parameters(self.unknown, kept, plan, engine=self.engine is not None),
            "photo_scene": dict(seen),
            "identity_distance": distances,
            **outcome(context, state, verified, self.layout),
            "verdict": judge(self, plan, subject, shown, distances),
            "seconds": clock.seconds(),
            "engine_pictures": 0 if self.engine is None else self.engine.count - drawn_before,
        }
        return FitResult(
            self._character(vector, kept),
            verified.picture,
            as_photo,
            imitation,
            subject.aligned.picture,
            subject,
            report,
            tuple(one.aligned.picture for one in subjects),
            tuple(Candidate(self._character(one, kept), drawn) for one, drawn in others),
        )

    def see(
        self,
        photo: PhotoSource,
        face: int | None = None,
        *,
        own_picture: bool = False,
    ) -> Subject:
        """Find, pick, align and embed the face of a photo.

        Args:
            photo, face: see :meth:`fit`.
            own_picture: take the picture as the engine framed it, without denoising.

        Raises:
            F2PError: ImageError, FaceError; UsageError for an own picture that is not square.
        """
        known = images.take(photo)
        picture = known.picture
        with known.errors():
            clear = denoised(picture)
            picked = pick_face(self.detector.detect(clear), face)
            landmarks = picked.face.landmarks
            frame = np.asarray(self.framing.landmarks)
            own = is_own_picture(
                picture, self.average_picture(), landmarks[:4] / len(picture), frame[:4]
            )
            if not own_picture:
                picture, framed = clear, landmarks
            elif picture.shape[0] == picture.shape[1]:
                framed = self.framing.pixels(len(picture))
            else:
                raise UsageError(
                    "method 'exact' needs a square picture by the engine, got "
                    f"{picture.shape[1]}x{picture.shape[0]}",
                    remedy="give the picture as `f2p render --via engine` writes it, or use "
                    "--method best for a photo",
                )
            aligned = align(picture, framed, replace(self.framing, size=self.size))
            return Subject(
                picked,
                aligned,
                embed_face(self.recognizer, picture, landmarks),
                embed_face(self.measure, picture, landmarks)[0],
                own,
                None if own_picture else photo_face(aligned, self.locate),
                known.hints,
            )

    def distance(self, picture: Picture, measured: Tensor) -> float:
        """Return the Euclidean distance of a picture's embedding to (E',), both by `measure`."""
        return float((self.embed(picture, self.measure) - measured).norm())

    def embed(self, picture: Picture, recognizer: Recognizer | None = None) -> Tensor:
        """Return the embedding (E,) of a picture of the game, by default for the search.

        Landmarks come from the detector, or from the framing where it finds no face.
        """
        found = find_landmarks(self.detector, picture)
        landmarks = self.framing.pixels(picture.shape[0]) if found is None else found
        return embed_face(recognizer or self.recognizer, picture, landmarks)[0]

    def average_picture(self) -> Picture:
        """Return the picture of the average character, by the engine or else the imitator."""
        if self._average is None:
            self._average = (
                self.imitate(self.start)
                if self.engine is None
                else self.engine.draw(self.start[None], self.size)[0]
            )
        return self._average

    def imitate(self, vector: Tensor) -> Picture:
        """Return the imitator's picture, uint8, of a vector (D,)."""
        with torch.no_grad():
            return to_array(self.imitator(vector[None]))

    def context(
        self, subject: Subject, plan: Method, space: Space, seed: int, clock: Clock
    ) -> Context:
        average, frame = self.average_picture(), np.asarray(self.framing.landmarks, np.float64)
        targets = self._targets(subject, plan, space)
        tracker = LandmarkTracker(self.detector, frame)
        return Context(
            space,
            targets,
            plan.weights,
            to_tensor(subject.aligned.picture),
            self.imitator,
            AugmentedEmbedding(self.recognizer, tracker, plan.jittered, plan.jitter, seed),
            # The face does not move while choices change, so it is detected once.
            AugmentedEmbedding(self.recognizer, LandmarkTracker(self.detector, frame, _NEVER), 0),
            self.engine,
            len(self.imitate(self.start)),
            self.reader,
            self.locate,
            tuple(self.layout.slices[p.name] for p in self.layout.discrete if p.group == HAIR),
            match_blur(subject.aligned.picture, average) if plan.match_blur else Blur(),
            clock,
            known_columns(self.layout, self.unknown),
        )

    def _character(self, vector: Tensor, kept: Mapping[str, Value]) -> Character:
        # Kept values return as given, without float32 rounding.
        character = self.layout.decode(vector.numpy()).replace(**kept)
        return replace(character, assets=known_assets(self.engine, self.card))

    def _targets(self, subject: Subject, plan: Method, space: Space) -> Targets:
        return Targets.of(
            subject,
            plan,
            np.asarray(self.framing.landmarks, np.float64),
            self.average_picture(),
            self.reader,
            prior=slider_prior(self.layout, space.start, self.population, plan.ends),
            cosine=self.recognizer.metric == "cosine",
        )


def _opened(given: str | _Part | None, find: Callable[[str | None], _Part]) -> _Part:
    """Return a given object, or the plugin of a name; None is the best installed one."""
    return find(given) if given is None or isinstance(given, str) else given
