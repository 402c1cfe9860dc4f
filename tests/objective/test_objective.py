"""Every term against finite differences and against a second implementation in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from f2p_sdk import objective
from f2p_sdk.objective import (
    ChoicePrior,
    ClassColour,
    Colour,
    Content,
    Distance,
    EntropyPenalty,
    Identity,
    Landmarks,
    Leak,
    Located,
    Objective,
    Parsed,
    Parts,
    Prior,
    Sample,
    Term,
    WhitenedPrior,
)

GROUPS = (slice(4, 7), slice(7, 9), slice(9, 10))


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def _vector(batch: int = 2) -> torch.Tensor:
    parts = [_random(batch, 4)]
    parts += [torch.softmax(_random(batch, s.stop - s.start, seed=s.start), 1) for s in GROUPS]
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
    "Prior": Prior(_random(4, seed=9), ends=20.0),
    "EntropyPenalty": EntropyPenalty(GROUPS),
    "ChoicePrior": ChoicePrior(_vector(1)[0], GROUPS),
    "Colour": Colour(_random(3, 4, 4, seed=11), _random(4, 4, seed=12)),
    "ClassColour": ClassColour(_random(3, seed=16), 1),
    "WhitenedPrior": WhitenedPrior.of(
        _random(4, seed=9), _random(20, 4, seed=10), [(0, 2), (1, 3)]
    ),
    "Content": Content.of(PHOTO, CLASSES),
    "Parts": Parts(PHOTO.probabilities, CLASSES),
    # A depth of 1 makes the alignment exact for the loss, so that it needs no gradient.
    "Landmarks": Landmarks(_random(6, 3, seed=13), _random(6, seed=14), depth=1.0),
    "Leak": Leak(_random(2, seed=15) / 4, torch.tensor([0, 2])),
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
        vector, picture, embedding, *features, probabilities, points, expression = given
        parsed = Parsed(tuple(features), probabilities)
        located = Located(points, expression)
        return term(Sample(vector, picture, embedding, parsed, located))

    parsed = _parsed(2, 50)
    inputs = (
        _vector(),
        _random(2, 3, 8, 8, seed=2),
        _random(2, 2, 5, seed=3) - 0.3,
        *parsed.features,
        parsed.probabilities,
        _random(2, 6, 3, seed=13) + 0.1 * _random(2, 6, 3, seed=16),
        _random(2, 3, seed=17) + 0.5,
    )
    fields = ("vector", "picture", "embedding", *4 * ("parsed",), "located", "located")
    weights = {"parsed"} if name == "ClassColour" else set()  # only weights of means: no gradient
    free = [tensor for tensor, field in zip(inputs, fields, strict=True) if field not in weights]
    for tensor in free:
        tensor.requires_grad_()
    # A term may ignore inputs; adding zero times their sum gives those a zero gradient.
    assert torch.autograd.gradcheck(
        lambda *given: value(*given) + 0.0 * sum(tensor.sum() for tensor in given), inputs
    )
    assert value(*inputs).shape == (2,)
    assert bool((value(*inputs) >= 0).all())
    # `reads` names exactly the fields with a gradient.
    gradients = torch.autograd.grad(value(*inputs).sum(), free, allow_unused=True)
    names = [field for field in fields if field not in weights]
    moved = {f for f, g in zip(names, gradients, strict=True) if g is not None and g.abs().max()}
    assert moved == term.reads - weights


def test_identity_is_the_slides_formula() -> None:
    found, target = _random(1, 2, 5) - 0.5, _random(1, 5, seed=4) - 0.5
    a, b = found[0].numpy(), target[0].numpy()
    cos = a @ b / (np.linalg.norm(a, axis=1) * np.linalg.norm(b))
    got = Identity(target)(Sample(_vector(), embedding=found))
    np.testing.assert_allclose(got.numpy(), 1 - cos, rtol=1e-12)


def test_distance_is_the_mean_over_all_pairs_of_crops_in_units_of_the_target() -> None:
    found, target = _random(2, 2, 5), _random(3, 5, seed=4)
    pairs = [
        [np.sum((found[v, b].numpy() - target[t].numpy()) ** 2) for v in range(2) for t in range(3)]
        for b in range(2)
    ]
    length = np.mean(np.sum(target.numpy() ** 2, axis=1))
    got = Distance(target)(Sample(_vector(), embedding=found))
    np.testing.assert_allclose(got.numpy(), np.mean(pairs, axis=1) / length, rtol=1e-12)
    # A recognizer with embeddings ten times as long gives the same number.
    longer = Distance(10 * target)(Sample(_vector(), embedding=10 * found))
    np.testing.assert_allclose(longer.numpy(), got.numpy(), rtol=1e-12)


def test_entropy_is_zero_for_one_hot_groups_and_one_for_uniform_ones() -> None:
    certain = torch.zeros(1, 10)
    certain[0, [4, 8, 9]] = 1.0
    even = torch.zeros(1, 10)
    even[0, 4:7], even[0, 7:9], even[0, 9] = 1 / 3, 1 / 2, 1.0
    term = EntropyPenalty(GROUPS)
    assert float(term(Sample(certain))[0]) == pytest.approx(0.0, abs=1e-6)
    assert float(term(Sample(even))[0]) == pytest.approx(1.0, abs=1e-6)
    assert float(EntropyPenalty(())(Sample(even))[0]) == 0.0


def test_choice_prior_is_the_share_of_changed_groups() -> None:
    mean = torch.zeros(10)
    mean[[4, 7, 9]] = 1.0
    other = mean.clone()[None]
    other[0, 4:7] = torch.tensor([0.0, 0.0, 1.0])
    term = ChoicePrior(mean, GROUPS)
    assert float(term(Sample(mean[None]))[0]) == 0.0
    assert float(term(Sample(other))[0]) == pytest.approx(1 / 3)
    assert float(ChoicePrior(mean, ())(Sample(other))[0]) == 0.0


def test_prior_is_the_squared_distance_from_its_mean() -> None:
    mean = torch.zeros(4)
    assert float(Prior(mean)(Sample(torch.zeros(1, 10)))[0]) == 0.0
    away = torch.zeros(1, 10)
    away[0, 2] = 1.0
    assert float(Prior(mean)(Sample(away))[0]) == pytest.approx(1.0)


def test_the_prior_keeps_sliders_from_their_ends() -> None:
    vector = torch.tensor([[0.5, 0.9, 0.1, 1.0, *6 * (0.0,)]])
    plain, stiff = (Prior(torch.full((4,), 0.5), ends=ends)(Sample(vector)) for ends in (0.0, 10.0))
    assert float(stiff[0] - plain[0]) == pytest.approx(10 * 0.1**2, rel=1e-4)


def test_strictness_sets_how_much_of_a_brightness_shift_counts() -> None:
    picture = _random(1, 3, 8, 8) * 0.5
    cells = torch.nn.functional.adaptive_avg_pool2d(picture, 4)[0]
    mask = torch.ones(4, 4, dtype=torch.float64)
    brighter = Sample(_vector(1), picture=picture + 0.3)
    assert float(Colour(cells, mask, strictness=0.0)(brighter)[0]) == pytest.approx(0, abs=1e-9)
    assert float(Colour(cells, mask, strictness=1.0)(brighter)[0]) == pytest.approx(
        0.2807, abs=1e-3
    )


def test_the_colour_of_a_class_is_compared_where_the_class_is() -> None:
    """Half of the picture is hair; the other half may have any colour."""
    share = torch.zeros(1, 2, 4, 4)
    share[:, 1, :2] = 1.0
    share[:, 0] = 1 - share[:, 1]
    picture = torch.rand(1, 3, 8, 8)
    brown = torch.tensor([0.4, 0.3, 0.2])
    picture[:, :, :4] = brown[:, None, None]
    sample = Sample(torch.zeros(1, 1), picture=picture, parsed=Parsed((), share))
    assert float(ClassColour(brown, 1)(sample)[0]) == pytest.approx(0, abs=1e-6)
    assert float(ClassColour(brown + 0.2, 1)(sample)[0]) == pytest.approx(0.181, abs=1e-3)
    assert float(ClassColour(brown + 0.2, 1, least=0.6)(sample)[0]) == 0  # too small a class
    picture[:, :, :2] = 0.05  # a shadow on half of the hair does not count
    assert float(ClassColour(brown, 1)(sample)[0]) == pytest.approx(0, abs=1e-6)


def test_the_whitened_prior_uses_the_populations_covariance() -> None:
    """Two correlated sliders, compared with the inverse covariance of NumPy."""
    generator = np.random.default_rng(0)
    common, own = generator.normal(size=(2, 4000, 1)) * np.array([0.2, 0.05])[:, None, None]
    population = 0.5 + np.hstack([common + own, common - own])
    away = np.array([0.1, 0.06])
    by_hand = away @ np.linalg.inv(np.cov(population.T)) @ away / 12
    term = WhitenedPrior.of(
        torch.zeros(2).double(), torch.from_numpy(population), [(0, 1)], floor=0.0
    )
    got = term(Sample(torch.from_numpy(np.r_[away, np.zeros(8)])[None]))
    assert float(got[0]) == pytest.approx(float(by_hand), rel=1e-9)


def test_the_whitened_prior_of_uniform_characters_is_the_plain_prior() -> None:
    mean, population = _random(4, seed=9), _random(20000, 4, seed=10)
    whitened = WhitenedPrior.of(mean, population, [(0, 1, 2, 3)])(Sample(_vector()))
    torch.testing.assert_close(whitened, Prior(mean)(Sample(_vector())), rtol=0.05, atol=0)


def test_content_is_the_slides_formula() -> None:
    """|| w1 f1 - w2 f2 ||_1 with NumPy loops, each stage in units of the photo's mean."""
    found, shares = _parsed(2, 50), np.zeros((2, 3))
    for stage in range(3):
        maps = []
        for parsed in (PHOTO, found):
            f, p = parsed.features[stage].numpy(), parsed.probabilities.numpy()
            step = f.shape[-1] // 4
            small = f.reshape(*f.shape[:2], 4, step, 4, step).mean(axis=(3, 5))
            weight = 1.0 * p[:, 1] + 0.5 * p[:, 2]
            maps.append(weight[:, None] * small)
        shares[:, stage] = np.abs(maps[1] - maps[0]).mean(axis=(1, 2, 3)) / np.abs(maps[0]).mean()
    got = TERMS["Content"](Sample(_vector(), parsed=found))
    np.testing.assert_allclose(got.numpy(), shares.mean(axis=1), rtol=1e-12)
    itself = Sample(_vector(1), parsed=PHOTO)
    assert float(TERMS["Content"](itself)[0]) == 0.0


def test_parts_is_zero_on_the_photo_and_one_without_overlap() -> None:
    left = torch.zeros(1, 2, 2, 4, dtype=torch.float64)
    left[:, 0, :, :2], left[:, 1, :, 2:] = 1.0, 1.0
    right = left.flip(1)
    term = Parts(left, torch.ones(2, dtype=torch.float64))
    assert float(term(Sample(_vector(1), parsed=Parsed((), left)))[0]) == 0.0
    assert float(term(Sample(_vector(1), parsed=Parsed((), right)))[0]) == 1.0
    # Classes that the photo does not show do not count.
    bare = torch.cat([left.sum(dim=1, keepdim=True), torch.zeros_like(left[:, :1])], dim=1)
    term = Parts(bare, torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert float(term(Sample(_vector(1), parsed=Parsed((), left)))[0]) == 0.0


def test_reads_lists_the_inputs_of_terms_with_a_weight() -> None:
    prior, content = TERMS["Prior"], TERMS["Content"]
    assert Objective({"prior": (1.0, prior), "content": (0.0, content)}).reads == {"vector"}
    assert Objective({"prior": (1.0, prior), "content": (0.1, content)}).reads == {
        "vector",
        "parsed",
    }


def test_the_objective_is_the_weighted_sum_with_a_breakdown() -> None:
    sample = Sample(_vector(), embedding=_random(1, 2, 5, seed=3))
    terms = {"identity": (2.0, TERMS["Identity"]), "prior": (0.5, TERMS["Prior"])}
    loss = Objective({**terms, "off": (0.0, TERMS["Colour"])})(sample)
    by_hand = 2.0 * TERMS["Identity"](sample) + 0.5 * TERMS["Prior"](sample)
    np.testing.assert_allclose(loss.total.numpy(), by_hand.numpy(), rtol=1e-12)
    parts = loss.breakdown(1)
    assert set(parts) == {"identity", "prior", "total"}
    assert parts["total"] == pytest.approx(2 * parts["identity"] + 0.5 * parts["prior"])


def test_a_term_names_its_missing_input() -> None:
    with pytest.raises(ValueError, match="'identity' needs the sample's embedding"):
        TERMS["Identity"](Sample(_vector()))
