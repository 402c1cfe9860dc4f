"""Training of networks from captured data, and measures of their quality."""

from .figures import Comparison, Sensitivity, compare, sensitivity, share_above
from .imitator import train_imitator
from .pictures import Pictures, Record, open_pictures
from .plan import Plan, Report, TrainingResult
from .recipes import RECIPES, Recipe, recipe

__all__ = [
    "RECIPES",
    "Comparison",
    "Pictures",
    "Plan",
    "Recipe",
    "Record",
    "Report",
    "Sensitivity",
    "TrainingResult",
    "compare",
    "open_pictures",
    "recipe",
    "sensitivity",
    "share_above",
    "train_imitator",
]
