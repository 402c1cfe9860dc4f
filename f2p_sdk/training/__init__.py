"""Training of the networks from captured data, and the figures that say how good they are."""

from .figures import Compared, Sensitivity, compare, picture_figures, sensitivity, share_above
from .imitator import train_imitator
from .pairs import Pairs, Shown, shown
from .pictures import Pictures, Record, open_pictures
from .plan import SHOWN, TOLD, Plan, Report, Trained
from .recipes import RECIPES, Recipe, recipe

__all__ = [
    "RECIPES",
    "SHOWN",
    "TOLD",
    "Compared",
    "Pairs",
    "Pictures",
    "Plan",
    "Recipe",
    "Record",
    "Report",
    "Sensitivity",
    "Shown",
    "Trained",
    "compare",
    "open_pictures",
    "picture_figures",
    "recipe",
    "sensitivity",
    "share_above",
    "shown",
    "train_imitator",
]
