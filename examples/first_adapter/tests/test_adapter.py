"""The checks of `f2p check` as tests."""

from f2p_sdk.testing import AdapterTests


class TestHero(AdapterTests):
    kind = "mygame/hero"
