"""Environment and fixtures of all tests: the core's, the plugins' and the adapters'."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

# Before torch or numpy is imported, here or in a process that a test starts: one thread each, so
# that processes on a small machine do not fight for its cores, and give the same numbers.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Weights that the developer has imported must not change the tests.
os.environ["F2P_HOME"] = str(Path(tempfile.gettempdir()) / "f2p tests without a user folder")

# Tests of all packages import the toy game: `from f2p_toy import HERO, PHOTO, ROOT`.
sys.path.insert(0, str(Path(__file__).parent / "tests" / "toy"))


@pytest.fixture(scope="session")
def astronaut() -> Any:
    """The example photo, uint8 (512, 512, 3)."""
    from f2p_toy import PHOTO

    from f2p_sdk import load_image

    return load_image(PHOTO)
