"""Exact method: least squares on a picture that the engine itself drew."""

from .local_search import Exact, Round, Solution

__all__ = ["Exact", "Round", "Solution"]
