"""Adapter of Mygame for f2p-sdk."""
