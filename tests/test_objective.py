"""Every term against finite differences and against a second, plain NumPy way of writing it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from f2p_sdk import objective
from f2p_sdk.objective import (
    Choices,
    Colour,
    Content,
    Departure,
    Distance,
    Identity,
    Objective,
    Parsed,
    Parts,
    Prior,
    Sample,
    Term,
    Whitened,
)

torch.set_num_threads(1)
SLOTS = (slice(4, 7), slice(7, 9), slice(9, 10))


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _vector(batch: int = 2) -> torch.Tensor:
    parts = [_random(batch, 4)]
    parts += [torch.softmax(_random(batch, s.stop - s.start, seed=s.start), 1) for s in SLOTS]
    return torch.cat(parts, 1)


def _parsed(batch: int, seed: int) -> Parsed:
    """Features of three stages of different sizes, and probabilities of three classes."""
    features = [_random(batch, c, h, h, seed=seed + c) - 0.3 for c, h in ((2, 8), (3, 4), (4, 4))]
    return Parsed(tuple(features), torch.softmax(3 * _random(batch, 3, 4, 4, seed=seed), 1))


CLASSES = torch.tensor([0.0, 1.0, 0.5], dtype=torch.float64)
PHOTO = _parsed(1, 30)
TERMS: dict[str, Term] = {
    "Identity": Identity(_random(3, 5, seed=8) - 0.5),
    "Distance": Distance(_random(3, 5, seed=8) - 0.5),
    "Prior": Prior(_random(4, seed=9), weight=_random(4, seed=10)),
    "Choices": Choices(SLOTS),
    "Departure": Departure(_vector(1)[0], SLOTS),
    "Colour": Colour(_random(3, 4, 4, seed=11), _random(4, 4, seed=12)),
    "Whitened": Whitened.of(_random(4, seed=9), _random(20, 4, seed=10), [(0, 2), (1, 3)]),
    "Content": Content.of(PHOTO, CLASSES),
    "Parts": Parts(PHOTO.probabilities, CLASSES),
}


def test_every_term_of_the_module_is_checked() -> None:
    public = {
        name
        for name in objective.__all__
        if "__call__" in vars(getattr(objective, name)) and name not in {"Term", "Objective"}
    }
    assert public == set(TERMS)


@pytest.mark.parametrize("name", sorted(TERMS))
def test_gradient_equals_finite_differences(name: str) -> None:
    term = TERMS[name]

    def value(*given: torch.Tensor) -> torch.Tensor:
        vector, picture, embedding, *features, probabilities = given
        sample = Sample(vector, picture, embedding, Parsed(tuple(features), probabilities))
        return term(sample)

    parsed = _parsed(2, 50)
    inputs = (
        _vector(),
        _random(2, 3, 8, 8, seed=2),
        _random(2, 2, 5, seed=3) - 0.3,
        *parsed.features,
        parsed.probabilities,
    )
    for tensor in inputs:
        tensor.requires_grad_()
    # Which inputs a term ignores is its own business: autograd calls those gradients zero.
    assert torch.autograd.gradcheck(
        lambda *given: value(*given) + 0.0 * sum(tensor.sum() for tensor in given), inputs
    )
    assert value(*inputs).shape == (2,)
    assert bool((value(*inputs) >= 0).all())
    # What it says it reads is what it depends on.
    gradients = torch.autograd.grad(value(*inputs).sum(), inputs, allow_unused=True)
    fields = ("vector", "picture", "embedding", "parsed", "parsed", "parsed", "parsed")
    moved = {f for f, g in zip(fields, gradients, strict=True) if g is not None and g.abs().max()}
    assert moved == term.reads


def test_identity_is_the_slides_formula() -> None:
    seen, target = _random(1, 2, 5) - 0.5, _random(1, 5, seed=4) - 0.5
    a, b = seen[0].numpy(), target[0].numpy()
    cos = a @ b / (np.linalg.norm(a, axis=1) * np.linalg.norm(b))
    got = Identity(target)(Sample(_vector(), embedding=seen))
    np.testing.assert_allclose(got.numpy(), 1 - cos, rtol=1e-12)


def test_distance_of_several_views_is_the_mean_over_all_pairs_in_units_of_the_target() -> None:
    seen, target = _random(2, 2, 5), _random(3, 5, seed=4)
    pairs = [
        [np.sum((seen[v, b].numpy() - target[t].numpy()) ** 2) for v in range(2) for t in range(3)]
        for b in range(2)
    ]
    length = np.mean(np.sum(target.numpy() ** 2, axis=1))
    got = Distance(target)(Sample(_vector(), embedding=seen))
    np.testing.assert_allclose(got.numpy(), np.mean(pairs, axis=1) / length, rtol=1e-12)
    # A recognizer with embeddings ten times as long gives the same number.
    longer = Distance(10 * target)(Sample(_vector(), embedding=10 * seen))
    np.testing.assert_allclose(longer.numpy(), got.numpy(), rtol=1e-12)


def test_choices_is_zero_when_certain_and_one_when_it_knows_nothing() -> None:
    certain = torch.zeros(1, 10)
    certain[0, [4, 8, 9]] = 1.0
    even = torch.zeros(1, 10)
    even[0, 4:7], even[0, 7:9], even[0, 9] = 1 / 3, 1 / 2, 1.0
    term = Choices(SLOTS)
    assert float(term(Sample(certain))[0]) == pytest.approx(0.0, abs=1e-6)
    assert float(term(Sample(even))[0]) == pytest.approx(1.0, abs=1e-6)
    assert float(Choices(())(Sample(even))[0]) == 0.0


def test_departure_is_the_share_of_slots_that_changed() -> None:
    mean = torch.zeros(10)
    mean[[4, 7, 9]] = 1.0
    other = mean.clone()[None]
    other[0, 4:7] = torch.tensor([0.0, 0.0, 1.0])
    term = Departure(mean, SLOTS)
    assert float(term(Sample(mean[None]))[0]) == 0.0
    assert float(term(Sample(other))[0]) == pytest.approx(1 / 3)
    assert float(Departure(mean, ())(Sample(other))[0]) == 0.0


def test_prior_is_zero_at_the_average_and_one_for_a_slider_a_whole_range_away() -> None:
    mean = torch.zeros(4)
    assert float(Prior(mean)(Sample(torch.zeros(1, 10)))[0]) == 0.0
    away = torch.zeros(1, 10)
    away[0, 2] = 1.0
    assert float(Prior(mean)(Sample(away))[0]) == pytest.approx(1.0)
    weighted = Prior(mean, weight=torch.tensor([1.0, 1.0, 0.5, 1.0]))
    assert float(weighted(Sample(away))[0]) == pytest.approx(0.5)


def test_colour_forgives_the_light_as_far_as_it_is_told_to() -> None:
    picture = _random(1, 3, 8, 8) * 0.5
    cells = torch.nn.functional.adaptive_avg_pool2d(picture, 4)[0]
    mask = torch.ones(4, 4, dtype=torch.float64)
    brighter = Sample(_vector(1), picture=picture + 0.3)
    assert float(Colour(cells, mask, strictness=0.0)(brighter)[0]) == pytest.approx(0, abs=1e-9)
    assert float(Colour(cells, mask, strictness=1.0)(brighter)[0]) == pytest.approx(
        0.2807, abs=1e-3
    )


def test_whitened_measures_in_the_populations_own_spread() -> None:
    """Two sliders that go together in the population, seen through numpy's inverse covariance."""
    generator = np.random.default_rng(0)
    common, own = generator.normal(size=(2, 4000, 1)) * np.array([0.2, 0.05])[:, None, None]
    population = 0.5 + np.hstack([common + own, common - own])
    away = np.array([0.1, 0.06])
    by_hand = away @ np.linalg.inv(np.cov(population.T)) @ away / 12
    term = Whitened.of(torch.zeros(2).double(), torch.from_numpy(population), [(0, 1)], floor=0.0)
    got = term(Sample(torch.from_numpy(np.r_[away, np.zeros(8)])[None]))
    assert float(got[0]) == pytest.approx(float(by_hand), rel=1e-9)


def test_whitened_of_uniform_characters_is_the_plain_prior() -> None:
    mean, population = _random(4, seed=9), _random(20000, 4, seed=10)
    whitened = Whitened.of(mean, population, [(0, 1, 2, 3)])(Sample(_vector()))
    torch.testing.assert_close(whitened, Prior(mean)(Sample(_vector())), rtol=0.05, atol=0)


def test_content_is_the_slides_formula() -> None:
    """|| w1 f1 - w2 f2 ||_1 written with numpy loops, each stage in units of the photo's mean."""
    seen, shares = _parsed(2, 50), np.zeros((2, 3))
    for stage in range(3):
        maps = []
        for parsed in (PHOTO, seen):
            f, p = parsed.features[stage].numpy(), parsed.probabilities.numpy()
            step = f.shape[-1] // 4
            small = f.reshape(*f.shape[:2], 4, step, 4, step).mean(axis=(3, 5))
            weight = 1.0 * p[:, 1] + 0.5 * p[:, 2]
            maps.append(weight[:, None] * small)
        shares[:, stage] = np.abs(maps[1] - maps[0]).mean(axis=(1, 2, 3)) / np.abs(maps[0]).mean()
    got = TERMS["Content"](Sample(_vector(), parsed=seen))
    np.testing.assert_allclose(got.numpy(), shares.mean(axis=1), rtol=1e-12)
    itself = Sample(_vector(1), parsed=PHOTO)
    assert float(TERMS["Content"](itself)[0]) == 0.0


def test_parts_is_zero_on_the_photo_and_one_where_nothing_meets() -> None:
    left = torch.zeros(1, 2, 2, 4, dtype=torch.float64)
    left[:, 0, :, :2], left[:, 1, :, 2:] = 1.0, 1.0
    right = left.flip(1)
    term = Parts(left, torch.ones(2, dtype=torch.float64))
    assert float(term(Sample(_vector(1), parsed=Parsed((), left)))[0]) == 0.0
    assert float(term(Sample(_vector(1), parsed=Parsed((), right)))[0]) == 1.0
    # of what the photo does not show, nothing is asked
    bare = torch.cat([left.sum(dim=1, keepdim=True), torch.zeros_like(left[:, :1])], dim=1)
    term = Parts(bare, torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert float(term(Sample(_vector(1), parsed=Parsed((), left)))[0]) == 0.0


def test_a_network_that_no_term_reads_is_not_asked() -> None:
    prior, content = TERMS["Prior"], TERMS["Content"]
    assert Objective({"prior": (1.0, prior), "content": (0.0, content)}).reads == {"vector"}
    assert Objective({"prior": (1.0, prior), "content": (0.1, content)}).reads == {
        "vector",
        "parsed",
    }


def test_objective_is_the_weighted_sum_and_tells_its_parts() -> None:
    sample = Sample(_vector(), embedding=_random(1, 2, 5, seed=3))
    terms = {"identity": (2.0, TERMS["Identity"]), "prior": (0.5, TERMS["Prior"])}
    loss = Objective({**terms, "off": (0.0, TERMS["Colour"])})(sample)
    by_hand = 2.0 * TERMS["Identity"](sample) + 0.5 * TERMS["Prior"](sample)
    np.testing.assert_allclose(loss.total.numpy(), by_hand.numpy(), rtol=1e-12)
    told = loss.breakdown(1)
    assert set(told) == {"identity", "prior", "total"}
    assert told["total"] == pytest.approx(2 * told["identity"] + 0.5 * told["prior"])


def test_a_term_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="'identity' needs the sample's embedding"):
        TERMS["Identity"](Sample(_vector()))
