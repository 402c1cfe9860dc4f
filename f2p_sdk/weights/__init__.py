"""Weights on disk: safetensors, never pickle, with a card that describes them.

The card is JSON in the file's metadata, under the key ``f2p_card``, so that it can be read without
torch. The card of an imitator holds::

    format          1
    what            "imitator"
    network         the network's config: its name, the vector's length, its options
    game, kind, layout_hash, layout_size
    input, output   sizes, ranges and colour space
    normalisation   what the network itself does to the vector
    training        data, recipe, seed, steps, time
    licence         of the weights
    figures         psnr_db and l1 on held-out data
    sensitivity     optional: correlation of each parameter's effect with the engine's
    assets          optional: hash or build number of the rig and art of the pictures
    golden          one vector, and the network's picture for it averaged to 8x8
    content_hash    SHA-256 of the tensors

Cards with ``what`` ``"parser"`` or ``"recognizer"`` are similar. Loading a file checks that its
tensors have the content hash, fit the network and are finite, and that the network reproduces the
golden pair.
"""

from .card import CARD, load_card, write_card
from .store import (
    UNSPECIFIED,
    check_golden,
    imitator_card,
    imported_weights,
    load_imitator,
    load_network,
    round_to_half,
    save_weights,
)

__all__ = [
    "CARD",
    "UNSPECIFIED",
    "check_golden",
    "imitator_card",
    "imported_weights",
    "load_card",
    "load_imitator",
    "load_network",
    "round_to_half",
    "save_weights",
    "write_card",
]
