from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from f2p_openhead.engine import Engine
from f2p_openhead.head import Head, build_head
from f2p_openhead.rig import load_rig

from f2p_sdk import Layout


@pytest.fixture(scope="session")
def rigs() -> Path:
    """Folder of the justice adapter's layouts and rigs."""
    return Path(str(resources.files("f2p_justice")))


@pytest.fixture(scope="session")
def layout(rigs: Path) -> Layout:
    return Layout.load(rigs / "female.toml")


@pytest.fixture(scope="session")
def head() -> Head:
    return build_head()


@pytest.fixture(scope="session")
def engine(rigs: Path, layout: Layout, head: Head) -> Engine:
    return Engine(load_rig(rigs / "female.rig.toml", layout, head), head)
