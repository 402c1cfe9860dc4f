"""Training of networks from captured data, and measures of their quality."""

from .figures import Comparison, Sensitivity, compare, picture_figures, sensitivity, share_above
from .imitator import train_imitator
from .pairs import Pairs
from .pictures import Pictures, Record, open_pictures
from .plan import Plan, Report, TrainingResult
from .recipes import RECIPES, Recipe, recipe

__all__ = [
    "RECIPES",
    "Comparison",
    "Pairs",
    "Pictures",
    "Plan",
    "Recipe",
    "Record",
    "Report",
    "Sensitivity",
    "TrainingResult",
    "compare",
    "open_pictures",
    "picture_figures",
    "recipe",
    "sensitivity",
    "share_above",
    "train_imitator",
]
