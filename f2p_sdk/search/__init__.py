"""Optimisers over a character's vector: ``init`` / ``step`` / ``result``, as optimistix has them.

Search is handed callables (``render``, ``embed``) and an objective; it knows no game, no file and
no socket. A search is a chain of frozen states: ``state = optimiser.step(problem, state)`` leaves
the old state as it was, so a caller may stop, look, keep or go back at any step.

The unknown is x of shape (B, D) for B candidates side by side. Its first columns are the continuous
sliders, kept in [0, 1] by projection; the rest are one logit per choice, turned into probabilities
by ``softmax(sharpness * logit)`` per slot (slides, "The solution of discrete parameter
optimization") and into one-hot by argmax at the end.
"""

from f2p_sdk.search.choices import Chosen, improve_choices
from f2p_sdk.search.optimise import (
    Adam,
    GradientDescent,
    Optimiser,
    Problem,
    Render,
    Result,
    State,
    minimise,
)
from f2p_sdk.search.release import release
from f2p_sdk.search.restart import restart
from f2p_sdk.search.settle import settle
from f2p_sdk.search.solve import Draw, LeastSquares, Solved
from f2p_sdk.search.space import Space

__all__ = [
    "Adam",
    "Chosen",
    "Draw",
    "GradientDescent",
    "LeastSquares",
    "Optimiser",
    "Problem",
    "Render",
    "Result",
    "Solved",
    "Space",
    "State",
    "improve_choices",
    "minimise",
    "release",
    "restart",
    "settle",
]
