"""What the core itself offers, through the same hooks as any plugin.

The plugin manager registers this module before every installed plugin, under the name ``core``.
``tryfirst`` puts the core's offers before those of plugins: where its own recognizer can be used it
is the default, and until then a plugin's is. Nothing here imports torch.
"""

from __future__ import annotations

from .hookspecs import RecognizerSpec, hookimpl

__all__ = ["f2p_recognizers"]


@hookimpl(tryfirst=True)
def f2p_recognizers() -> list[RecognizerSpec]:
    return []
