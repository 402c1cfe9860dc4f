"""Interface of the imitators, and a registry that builds one by name.

An imitator predicts the engine's picture: it maps vectors, float32 (B, D) in [0, 1], to pictures,
float32 (B, 3, S, S) RGB sRGB in [0, 1], and is differentiable. The card of its weights holds its
:meth:`~Imitator.config`, from which it is built again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from ..errors import UnknownNameError, WeightsError

__all__ = [
    "NETWORKS",
    "Imitator",
    "PublishedImitator",
    "build",
    "build_from_config",
    "from_config",
    "register",
]


class Imitator(nn.Module):
    """Base of the imitators.

    Attributes:
        name: for :func:`build`.
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
        """Arguments of :func:`from_config` for this network; JSON types only."""
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
_Module = TypeVar("_Module", bound=nn.Module)


def register(network: _Network) -> _Network:
    """Class decorator: add ``network`` to :data:`NETWORKS` by its ``name``."""
    NETWORKS[network.name] = network
    return network


def build(name: str, dimension: int, **options: Any) -> Imitator:
    """A new imitator with random weights (torch's global generator).

    Args:
        name: one of :data:`NETWORKS`.
        dimension: D, the layout's size.
        options: of the network, e.g. ``slots`` (sizes of the one-hot slots at the vector's end) and
            ``size``. A network without the option ``slots`` ignores it.

    Raises:
        UnknownNameError: no network has that name.
        ValueError: unknown or invalid options.
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
    """Build the network of an :meth:`Imitator.config`. WeightsError for an invalid one."""
    return build_from_config(config, build)


def build_from_config(config: Mapping[str, Any], builder: Callable[..., _Module]) -> _Module:
    """Call ``builder(name, **options)`` for a card's description of a network. WeightsError."""
    options = dict(config)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise WeightsError(f"the network's description has no name: {dict(config)!r}")
    try:
        return builder(name, **options)
    except UnknownNameError as error:
        raise WeightsError(
            error.message, remedy="the weights may need a newer f2p-sdk; " + error.remedy
        ) from None
    except (ValueError, TypeError) as error:
        raise WeightsError(f"the network's description cannot be built: {error}") from None


def _initialise(module: nn.Module) -> None:
    """Initialisation of DCGAN (Radford et al. 2016), which the published architecture follows."""
    if isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


@register
class PublishedImitator(Imitator):
    """The imitator of "Face-to-Parameter Translation for Game Character Auto-Creation", ICCV 2019.

    Transposed 4x4 convolutions with 512, 512, 512, 256, 128, 64, 64 and 3 filters. The input is the
    vector as a 1x1 picture; the first layer enlarges it to 4x4, each of the others doubles the
    side: 512x512. Batch norm and ReLU follow all but the last. The authors do not name the last
    activation; it is a sigmoid here.

    Args:
        dimension: D.
        filters: of all but the last layer; the side is ``4 * 2 ** len(filters)``. Tests use fewer.
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
                # without bias, which the batch norm would remove
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
        picture: Tensor = self.layers(vector[:, :, None, None])
        return picture
