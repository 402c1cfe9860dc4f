"""``f2p weights`` and ``--recognizer``: refusals, the default recognizer, cards."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from f2p_toy import PHOTO
from torch import Tensor, nn

from f2p_sdk import plugins
from f2p_sdk.cli import app
from f2p_sdk.errors import PluginError
from f2p_sdk.files import user_folder
from f2p_sdk.recognizers.light_cnn import LightCNNRecognizer
from f2p_sdk.weights import imported_weights

State = dict[str, Tensor]


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert "Traceback" not in done.output
    return done


@pytest.fixture(autouse=True)
def _home(home: Path) -> Iterator[None]:
    yield
    plugins.manager.cache_clear()


# --------------------------------------------------------------------------------------- refusals


class Program:
    """Its pickle creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def _missing(state: State) -> None:
    del state["block3.2.conv1.filter.weight"], state["fc.bias"]


def _misshapen(state: State) -> None:
    state["fc.weight"] = state["fc.weight"][:, :4096].contiguous()


def _unexpected(state: State) -> None:
    state["block5.0.conv1.filter.bias"] = torch.zeros(4)


def _first_version(state: State) -> None:
    """Its embedding ends in a max-feature-map."""
    del state["fc.weight"], state["fc.bias"]
    state["fc.filter.weight"], state["fc.filter.bias"] = torch.zeros(512, 8192), torch.zeros(512)


def _not_a_number(state: State) -> None:
    state["group2.conv.filter.bias"] = state["group2.conv.filter.bias"].clone()
    state["group2.conv.filter.bias"][3] = float("nan")


def _whole_numbers(state: State) -> None:
    state["fc.bias"] = torch.zeros(256, dtype=torch.int64)


def _empty_shell(state: State) -> None:
    state["fc.bias"] = torch.zeros(256, device="meta")


def _nested(state: State) -> None:
    state["fc.bias"] = {"deeper": torch.zeros(256)}  # type: ignore[assignment]


def _mixed_prefix(state: State) -> None:
    state["module.fc.bias"] = state.pop("fc.bias")


@pytest.mark.parametrize(
    ("damage", "message", "next_step"),
    [
        (_missing, "2 missing (block3.2.conv1.filter.weight, fc.bias)", "linked in the README"),
        (_misshapen, "1 of another shape (fc.weight (256, 4096) for (256, 8192))", "README"),
        (_unexpected, "1 unexpected (block5.0.conv1.filter.bias)", "README"),
        (_first_version, "2 missing (fc.bias, fc.weight); 2 unexpected", "the first version"),
        (_not_a_number, "'group2.conv.filter.bias' holds numbers that are not finite", "README"),
        (_whole_numbers, "1 not of plain floating point numbers (fc.bias)", "README"),
        (_empty_shell, "1 not of plain floating point numbers (fc.bias)", "README"),
        (_nested, "'fc.bias' holds a dict with the keys ['deeper']", "README"),
        (_mixed_prefix, "1 missing (fc.bias); 1 unexpected (module.fc.bias)", "README"),
    ],
    ids=lambda value: value.__name__[1:] if callable(value) else "",
)
def test_another_networks_tensors_are_refused(
    changed: State,
    saved: Callable[[object], Path],
    damage: Callable[[State], None],
    message: str,
    next_step: str,
) -> None:
    damage(changed)
    path = saved({"state_dict": changed})
    done = run("weights", "import", "light-cnn", path)
    assert done.exit_code == 1
    assert message in done.stderr
    assert str(path) in done.stderr
    assert next_step in done.stderr
    assert not user_folder().exists()


def test_the_error_for_a_very_different_network_is_short(
    saved: Callable[[object], Path],
) -> None:
    path = saved(nn.Sequential(*(nn.Linear(2, 2) for _ in range(100))).state_dict())
    done = run("weights", "import", "light-cnn", path)
    assert "60 missing (block1.0.conv1.filter.bias, " in done.stderr
    assert "200 unexpected (0.bias, 0.weight, " in done.stderr
    assert len(done.stderr) < 1200


def _program(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": Program(path.parent / "touched")}))


def _program_in_torchs_file(path: Path) -> None:
    torch.save({"state_dict": Program(path.parent / "touched")}, path)


def _whole_module(path: Path) -> None:
    torch.save(nn.Linear(2, 2), path)


def _other_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps([1, 2, 3]))


def _list(path: Path) -> None:
    torch.save([1, 2, 3], path)


def _no_state(path: Path) -> None:
    torch.save({"epoch": 3, "arch": "LightCNN"}, path)


def _empty_state(path: Path) -> None:
    torch.save({"state_dict": {}}, path)


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("<html>you have to log in to download this file</html>")


def _folder(path: Path) -> None:
    path.mkdir()


def _absent(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_program, "not a whole torch checkpoint that can be read safely"),
        (_program_in_torchs_file, "not a whole torch checkpoint that can be read safely"),
        (_whole_module, "not a whole torch checkpoint that can be read safely"),
        (_other_pickle, "not a whole torch checkpoint that can be read safely"),
        (_list, "holds no state dict, but a value of type list"),
        (_no_state, "a state dict must hold tensors by name; 'epoch' holds a value of type int"),
        (_empty_state, "holds no state dict, but a dict with the keys ['state_dict']"),
        (_nothing, "not a whole torch checkpoint that can be read safely"),
        (_text, "not a whole torch checkpoint that can be read safely"),
        (_folder, "is a folder"),
        (_absent, "there is no such file"),
    ],
    ids=lambda value: value.__name__[1:] if callable(value) else "",
)
def test_a_file_that_is_no_checkpoint_is_refused(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "given.pth.tar"
    make(path)
    done = run("weights", "import", "light-cnn", path)
    assert done.exit_code == 1
    assert f"{path}: {message}" in done.stderr
    assert "LightCNN_29Layers_V2_checkpoint.pth.tar" in done.stderr
    assert not user_folder().exists()
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("zipped", [True, False], ids=["new format", "old format"])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_an_incomplete_download_is_refused(
    state: State, tmp_path: Path, zipped: bool, share: float
) -> None:
    path = tmp_path / "given"
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    done = run("weights", "import", "light-cnn", path)
    assert done.exit_code == 1
    assert "not a whole torch checkpoint" in done.stderr
    assert "download it again" in done.stderr
    assert not user_folder().exists()


def test_an_output_that_cannot_be_written_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    done = run("weights", "import", "light-cnn", checkpoint, "-o", tmp_path)
    assert done.exit_code == 1
    assert f"{tmp_path}: cannot be written" in done.stderr


def test_a_failed_import_keeps_the_old_weights(
    checkpoint: Path, changed: State, saved: Callable[[object], Path]
) -> None:
    assert run("weights", "import", "light-cnn", checkpoint).exit_code == 0
    before = imported_weights("light-cnn").read_bytes()
    _missing(changed)
    assert run("weights", "import", "light-cnn", saved(changed)).exit_code == 1
    assert imported_weights("light-cnn").read_bytes() == before


# ---------------------------------------------------------------------------- default, and by name


def _core() -> dict[str, Any]:
    rows = json.loads(run("plugins", "--json").stdout)
    (core,) = [row for row in rows if row["name"] == "core"]
    return dict(core)


@pytest.mark.slow
def test_light_cnn_is_the_default_after_the_import_only(checkpoint: Path) -> None:
    assert [spec.name for spec in plugins.recognizers()][:2] == ["light-cnn", "dlib"]
    assert plugins.recognizer().name == "dlib"
    core = _core()
    assert (core["dist"], core["status"], core["error"]) == ("f2p-sdk", "ok", "")
    assert "recognizer light-cnn" in core["provides"]
    reason = core["waiting"]["recognizer light-cnn"]
    for part in (
        "LightCNN_29Layers_V2_checkpoint.pth.tar",
        "https://github.com/AlfredXiangWu/LightCNN",
        "f2p weights import light-cnn FILE",
        "dlib",
        str(imported_weights("light-cnn")),
    ):
        assert part in reason
    with pytest.raises(PluginError) as caught:
        plugins.recognizer("light-cnn")
    assert reason in caught.value.message

    done = run("weights", "import", "light-cnn", checkpoint)
    assert done.exit_code == 0
    assert "light-cnn is now the default recognizer" in done.stdout
    assert "research only" in done.stdout
    assert "recognizer light-cnn" not in _core()["waiting"]
    assert isinstance(plugins.recognizer(), LightCNNRecognizer)
    assert plugins.recognizer("dlib").name == "dlib"


def test_f2p_plugins_says_why_a_recognizer_cannot_be_used() -> None:
    out = " ".join(run("plugins").stdout.split())
    assert "recognizer light-cnn (not yet)" in out
    assert "recognizer light-cnn cannot be used yet: its weights are missing" in out


def test_weights_written_elsewhere_are_not_the_default(checkpoint: Path, tmp_path: Path) -> None:
    done = run("weights", "import", "light-cnn", checkpoint, "-o", tmp_path / "it.safetensors")
    assert done.exit_code == 0
    assert f"to use it, move it to {imported_weights('light-cnn')}" in done.stdout
    assert plugins.recognizer().name == "dlib"
    assert not user_folder().exists()


def test_damaged_weights_are_an_error_not_another_recognizer(checkpoint: Path) -> None:
    run("weights", "import", "light-cnn", checkpoint)
    path = imported_weights("light-cnn")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Exception, match="not a whole safetensors file") as caught:
        plugins.recognizer()
    assert "f2p weights import light-cnn" in str(caught.value)


# ------------------------------------------------------------------------------------------- show


def test_show_prints_the_card(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "it.safetensors"
    imported = json.loads(
        run("weights", "import", "light-cnn", checkpoint, "-o", path, "--json").stdout
    )
    assert imported["default"] is False
    shown = json.loads(run("weights", "show", path, "--json").stdout)
    assert shown == imported["card"]
    text = " ".join(run("weights", "show", path).stdout.split())
    for part in ("light-cnn-29-v2", "research only", shown["source"]["file"], "128"):
        assert part in text
    assert "golden" not in text


def test_show_refuses_other_files(checkpoint: Path, tmp_path: Path) -> None:
    for path, message in (
        (checkpoint, "not a whole safetensors file"),
        (tmp_path / "absent", "there is no such weights file"),
        (tmp_path, "there is no such weights file"),
    ):
        done = run("weights", "show", path)
        assert done.exit_code == 1
        assert f"{path}: {message}" in done.stderr


# -------------------------------------------------------------------------------- fit --recognizer


@pytest.mark.slow
def test_fit_takes_a_recognizer_by_name(
    f2p: Callable[..., Any], checkpoint: Path, tmp_path: Path
) -> None:
    line = ["fit", PHOTO, "-g", "toy", "--method", "slides", "--steps", "1", "-o", tmp_path / "out"]
    done = f2p(*line, "--recognizer", "light-cnn")
    assert done.code == 1
    assert "f2p weights import light-cnn FILE" in done.text
    assert not (tmp_path / "out").exists()
    done = f2p(*line, "--recognizer", "dlip")
    assert done.code == 1
    assert "did you mean 'dlib'?" in done.text

    assert f2p("weights", "import", "light-cnn", checkpoint).code == 0
    average = []
    for options, used in (([], "light-cnn"), (["--recognizer", "dlib"], "dlib")):
        assert f2p(*line, *options).code in (0, 3)  # a single step gains next to nothing
        report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
        assert report["versions"]["recognizer"] == used
        average.append(report["identity_distance"]["average_character"])
    # Reports measure with dlib's recognizer, whatever recognizer the search uses.
    assert average[0] == average[1] > 0


# ------------------------------------------------------------------------------- the user's folder


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the XDG folders of Linux")
@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"F2P_HOME": "/my/place", "XDG_DATA_HOME": "/data"}, "/my/place"),
        ({"F2P_HOME": "", "XDG_DATA_HOME": "/data"}, "/data/f2p"),
        ({"XDG_DATA_HOME": "not/absolute"}, "/home/me/.local/share/f2p"),
        ({}, "/home/me/.local/share/f2p"),
    ],
)
def test_user_folder_is_f2p_home_or_the_systems_folder(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], folder: str
) -> None:
    for name in ("F2P_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert user_folder() == Path(folder)
