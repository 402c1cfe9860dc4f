"""The tutorial's commands in a clean environment, with another game: from table to fitted photo."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from f2p_toy import ROOT

TOOL = ROOT / "tools" / "new_adapter.py"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tutorial_in_a_clean_environment(tmp_path: Path) -> None:
    for needed in ("f2p_dlib", "hatchling", "torch"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    done = subprocess.run(
        [sys.executable, TOOL, "--out", tmp_path / "run"],
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)  # the times; `pytest -rP` shows them
    assert done.returncode == 0, done.stdout + done.stderr
    assert " s  in all" in done.stdout
    me = tmp_path / "run" / "out" / "me"
    assert (me / "sheet.png").is_file()
    character = json.loads((me / "character.json").read_text(encoding="utf-8"))
    assert character["game"] == "moonfall"
    assert len(character["values"]) == 30
