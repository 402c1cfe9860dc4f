"""Search for a vector: gradient descent, local search over choices, exact least squares.

A search receives callables (render, embed, parse) and an objective. It knows no game, file or
socket.

The unknown is x of shape (D,). Its first columns are the sliders, projected to [0, 1] after every
step. The rest are logits: ``softmax(sharpness * logit)`` per categorical group gives probabilities
(slides, "The solution of discrete parameter optimization"), and argmax the final choices.
"""

from .choices import ChoiceResult, search_choices
from .exact import Exact, Solution
from .optimise import Adam, GradientDescent, Optimiser, Problem, Render, Result, minimise
from .space import Space

__all__ = [
    "Adam",
    "ChoiceResult",
    "Exact",
    "GradientDescent",
    "Optimiser",
    "Problem",
    "Render",
    "Result",
    "Solution",
    "Space",
    "minimise",
    "search_choices",
]
