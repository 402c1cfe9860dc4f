"""A game's sliders: parameters, their layout, its vector, and characters.

- :class:`Continuous` and :class:`Discrete` are sliders, in the game's own units;
- :class:`Layout` is the ordered set of one kind's parameters, read from a TOML file;
- a *vector* is the layout's float32 form of shape (D,): every continuous parameter scaled to
  [0, 1], then every discrete parameter's slot (one-hot, or probabilities), both in layout order;
- :class:`Character` is a value for every parameter, saved as JSON.
"""

from .character import Character, Value
from .layout import Layout, Vector
from .schema import Continuous, Discrete, Parameter
from .tomlfile import read_toml

__all__ = [
    "Character",
    "Continuous",
    "Discrete",
    "Layout",
    "Parameter",
    "Value",
    "Vector",
    "read_toml",
]
