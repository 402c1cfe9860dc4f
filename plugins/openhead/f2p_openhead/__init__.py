"""Stand-in engine of f2p-sdk: a game client that draws characters on a CC0 head."""

__version__ = "0.1.0"
