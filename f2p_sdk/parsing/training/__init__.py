"""Training of face parsers on an engine's pictures and labels, with augmentation for photos."""

from .augment import augment
from .data import Face, Faces, LabelledRecord, open_faces
from .figures import Overlap, find_labels, held_out_overlap
from .recipes import RECIPES, ParserRecipe, parser_recipe, pixel_loss
from .train import ParserPlan, train_parser

__all__ = [
    "RECIPES",
    "Face",
    "Faces",
    "LabelledRecord",
    "Overlap",
    "ParserPlan",
    "ParserRecipe",
    "augment",
    "find_labels",
    "held_out_overlap",
    "open_faces",
    "parser_recipe",
    "pixel_loss",
    "train_parser",
]
