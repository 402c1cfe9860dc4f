"""Exact method: least squares on a picture that the engine itself drew."""

from .local_search import Exact, Solution

__all__ = ["Exact", "Solution"]
