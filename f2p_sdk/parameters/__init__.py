"""Parameters of a game's characters, their layout, its vector, and characters.

- :class:`Continuous` and :class:`Discrete` are parameters in the game's own units.
- :class:`Layout` is the ordered set of parameters of one kind, read from a TOML file.
- A *vector* is float32 of shape (D,): every continuous parameter scaled to [0, 1], then one
  categorical group (one-hot or probabilities) per discrete parameter, both in layout order.
- :class:`Character` holds a value for every parameter and is saved as JSON.
"""

from .character import Character
from .groups import GROUPS, unknown_groups
from .layout import Layout, Vector
from .schema import Continuous, Discrete, Parameter, Value
from .tomlfile import check_keys, read_toml

__all__ = [
    "GROUPS",
    "Character",
    "Continuous",
    "Discrete",
    "Layout",
    "Parameter",
    "Value",
    "Vector",
    "check_keys",
    "read_toml",
    "unknown_groups",
]
