"""Training of the networks from captured data, and the figures that say how good they are."""

from .figures import Compared, Sensitivity, compare, picture_figures, sensitivity, share_above
from .imitator import train_imitator
from .pairs import Pairs
from .pictures import Pictures, Record, open_pictures
from .plan import Plan, Report, Trained
from .recipes import RECIPES, Recipe, recipe

__all__ = [
    "RECIPES",
    "Compared",
    "Pairs",
    "Pictures",
    "Plan",
    "Recipe",
    "Record",
    "Report",
    "Sensitivity",
    "Trained",
    "compare",
    "open_pictures",
    "picture_figures",
    "recipe",
    "sensitivity",
    "share_above",
    "train_imitator",
]
