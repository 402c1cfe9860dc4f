"""Training of networks from captured data, and measures of their quality."""

from .figures import Comparison, Sensitivity, by_parameter, compare, sensitivity
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
    "by_parameter",
    "compare",
    "open_pictures",
    "recipe",
    "sensitivity",
    "train_imitator",
]
