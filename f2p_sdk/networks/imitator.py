"""The interface every imitator has, and the registry that builds one by name.

An imitator draws what the engine would: it maps vectors, float32 (B, D) in [0, 1], to pictures,
float32 (B, 3, S, S) RGB sRGB in [0, 1], differentiably. It is rebuilt from its :meth:`config`, and
that is what a card of weights keeps.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from ..errors import UnknownNameError, WeightsError

__all__ = ["NETWORKS", "Imitator", "PublishedImitator", "build", "from_config", "register"]


class Imitator(nn.Module):
    """Base of the imitators.

    Attributes:
        name: the name :func:`build` knows it by.
        dimension: D, the length of a vector.
        size: S, the side of the pictures in pixels.
    """

    name: ClassVar[str] = ""

    def __init__(self, dimension: int, size: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        if dimension < 1:
            raise ValueError(f"dimension must be at least 1, got {dimension}")
        self.dimension = dimension
        self.size = size
        self._options = dict(options)

    def config(self) -> dict[str, Any]:
        """What :func:`from_config` needs to build this network again; JSON types only."""
        return {"name": self.name, "dimension": self.dimension, **self._options}

    def check(self, vector: Tensor) -> None:
        """ValueError unless ``vector`` is (B, D)."""
        if vector.ndim != 2 or vector.shape[1] != self.dimension:
            raise ValueError(
                f"the imitator takes vectors of shape (B, {self.dimension}), "
                f"got {tuple(vector.shape)}"
            )


NETWORKS: dict[str, type[Imitator]] = {}
"""Every imitator by name."""

_Network = TypeVar("_Network", bound=type[Imitator])


def register(network: _Network) -> _Network:
    """Class decorator: make ``network`` known to :func:`build` by its ``name``."""
    NETWORKS[network.name] = network
    return network


def build(name: str, dimension: int, **options: Any) -> Imitator:
    """A new imitator with random weights (torch's global generator).

    Args:
        name: one of :data:`NETWORKS`.
        dimension: D, the layout's size.
        options: of the network, e.g. ``slots`` (sizes of the one-hot slots at the vector's end) and
            ``size``. ``slots`` may always be given: a network that has no use for it ignores it.

    Raises:
        UnknownNameError: no network has that name.
        ValueError: the network has no such option, or it cannot be built so.
    """
    network = NETWORKS.get(name)
    if network is None:
        raise UnknownNameError("imitator network", name, NETWORKS)
    known = inspect.signature(network).parameters
    if "slots" not in known:
        options.pop("slots", None)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f"the imitator {name!r} has no option {unknown[0]!r}")
    factory: Callable[..., Imitator] = network
    return factory(dimension=dimension, **options)


def from_config(config: Mapping[str, Any]) -> Imitator:
    """The network that :meth:`Imitator.config` describes. WeightsError if it describes none."""
    options = dict(config)
    name, dimension = options.pop("name", None), options.pop("dimension", None)
    if not isinstance(name, str) or not isinstance(dimension, int):
        raise WeightsError(f"the network's description names no network: {dict(config)!r}")
    try:
        return build(name, dimension, **options)
    except UnknownNameError as error:
        raise WeightsError(
            error.message, remedy="the weights may need a newer f2p-sdk; " + error.remedy
        ) from None
    except (ValueError, TypeError) as error:
        raise WeightsError(f"the network's description cannot be built: {error}") from None


def _initialise(module: nn.Module) -> None:
    """DCGAN's start (Radford et al. 2016), which the published architecture follows."""
    if isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


@register
class PublishedImitator(Imitator):
    """The imitator of "Face-to-Parameter Translation for Game Character Auto-Creation", ICCV 2019.

    Transposed 4x4 convolutions with 512, 512, 512, 256, 128, 64, 64 and 3 filters; the first takes
    the vector as a 1x1 picture to 4x4, each of the others doubles the side: 512x512. Batch norm and
    ReLU after all but the last. The authors do not name the last activation; it is a sigmoid here.

    Args:
        dimension: D.
        filters: of all but the last layer. Other than the default only for tests: the side is
            ``4 * 2 ** len(filters)``.
    """

    name = "published"
    FILTERS: ClassVar[tuple[int, ...]] = (512, 512, 512, 256, 128, 64, 64)

    def __init__(self, dimension: int, filters: Sequence[int] = FILTERS) -> None:
        filters = tuple(int(f) for f in filters)
        super().__init__(dimension, 4 * 2 ** len(filters), {"filters": list(filters)})
        layers: list[nn.Module] = []
        channels = dimension
        for i, count in enumerate(filters):
            stride, padding = (1, 0) if i == 0 else (2, 1)
            layers += [
                # the bias would be undone by the batch norm
                nn.ConvTranspose2d(channels, count, 4, stride, padding, bias=False),
                nn.BatchNorm2d(count),
                nn.ReLU(inplace=True),
            ]
            channels = count
        layers += [nn.ConvTranspose2d(channels, 3, 4, 2, 1), nn.Sigmoid()]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, vector: Tensor) -> Tensor:
        """Vectors (B, D) in [0, 1] -> pictures (B, 3, S, S) RGB sRGB in [0, 1]."""
        self.check(vector)
        picture = self.layers(vector[:, :, None, None])
        assert isinstance(picture, torch.Tensor)
        return picture
