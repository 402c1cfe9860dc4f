"""Plugins: discovery, names and isolation of faults."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import pytest

from f2p_sdk import (
    DetectorSpec,
    Game,
    Kind,
    PluginError,
    RecognizerSpec,
    UnknownNameError,
    hookimpl,
    plugins,
)
from f2p_sdk.plugins import PluginInfo, PluginManager

TOML = """
game = "{game}"
kind = "{kind}"
[[continuous]]
name = "width"
group = "eye"
"""


def a_game(folder: Path, name: str, *kinds: str) -> Game:
    made = []
    for kind in kinds:
        path = folder / f"{name}-{kind}.toml"
        path.write_text(TOML.format(game=name, kind=kind), encoding="utf-8")
        made.append(Kind(name, kind, path))
    return Game(name, name.title(), tuple(made))


def plugin(**hooks: Callable[..., Any]) -> ModuleType:
    module = ModuleType("a_plugin")
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return module


def recognizer_spec(name: str, **options: Any) -> RecognizerSpec:
    loaded = SimpleNamespace(name=name)
    options = {"load": lambda: loaded, "title": name, "dimension": 4, **options}
    return RecognizerSpec(name=name, **options)


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> PluginManager:
    """A manager without installed plugins, in place of the process's own."""
    made = PluginManager()
    monkeypatch.setattr(plugins, "manager", lambda: made)
    return made


def add(manager: PluginManager, name: str, **hooks: Callable[..., Any]) -> PluginInfo:
    info = PluginInfo(name)
    manager.register(plugin(**hooks), info)
    return info


def test_games_by_name(manager: PluginManager, tmp_path: Path) -> None:
    elves = a_game(tmp_path, "elves", "female", "male")
    dwarves = a_game(tmp_path, "dwarves", "any")
    add(manager, "one", f2p_games=lambda: [elves])
    add(manager, "two", f2p_games=lambda: (dwarves,))
    assert plugins.games() == [dwarves, elves]
    assert [kind.name for kind in plugins.kinds()] == ["dwarves/any", "elves/female", "elves/male"]
    assert plugins.game("elves/male") is elves.kinds[1]
    assert plugins.game("elves") is elves.kinds[0]
    assert plugins.game("dwarves").layout.names == ("width",)


@pytest.mark.parametrize(
    ("name", "message", "remedy"),
    [
        ("elfes", "there is no game named 'elfes'", "did you mean 'elves'?"),
        ("Elves", "there is no game named 'Elves'", "did you mean 'elves'?"),
        ("elves/mail", "there is no game named 'elves/mail'", "did you mean 'elves/male'"),
        ("zzz", "there is no game named 'zzz'", "use one of: elves"),
        ("", "there is no game named ''", "use one of: elves"),
        ("elves/", "there is no game named 'elves/'", "did you mean 'elves/male'"),
    ],
)
def test_unknown_games_suggest(
    manager: PluginManager, tmp_path: Path, name: str, message: str, remedy: str
) -> None:
    elves = a_game(tmp_path, "elves", "female", "male")
    add(manager, "one", f2p_games=lambda: [elves])
    with pytest.raises(UnknownNameError) as caught:
        plugins.game(name)
    assert caught.value.message == message
    assert caught.value.remedy.startswith(remedy)


def test_no_adapters_at_all(manager: PluginManager) -> None:
    assert plugins.games() == []
    with pytest.raises(UnknownNameError, match="install an adapter"):
        plugins.game("justice")


def failing() -> list[Any]:
    raise RuntimeError("boom")


def exiting() -> list[Any]:
    sys.exit(3)


def none() -> list[Any]:
    return []


def generating() -> Iterator[Any]:
    yield from ()


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (failing, "f2p_games: RuntimeError: boom"),
        (exiting, "f2p_games: SystemExit: 3"),
        (lambda: None, "f2p_games: must return a list, got NoneType"),
        (generating, "f2p_games: must return a list, got generator"),
        (lambda: [3], "f2p_games: must return games, got 3"),
        (lambda: [recognizer_spec("x")], "f2p_games: must return games, got RecognizerSpec"),
    ],
)
def test_a_failing_hook_is_named_and_skipped(
    manager: PluginManager, tmp_path: Path, hook: Callable[[], Any], message: str
) -> None:
    good = a_game(tmp_path, "good", "any")
    add(manager, "before", f2p_games=lambda: [good])
    bad = add(manager, "bad", f2p_games=hook, f2p_recognizers=lambda: [recognizer_spec("works")])
    assert plugins.games() == [good]
    assert bad.status == "faulty"
    assert bad.error.startswith(message)
    assert "Traceback" in bad.details
    # Its other objects are available.
    assert [spec.name for spec in plugins.recognizers()] == ["works"]
    assert {info.name: info.status for info in plugins.plugins()} == {
        "before": "ok",
        "bad": "faulty",
    }


def test_objects_before_a_fault_are_left_out(manager: PluginManager, tmp_path: Path) -> None:
    good = a_game(tmp_path, "good", "any")
    info = add(manager, "bad", f2p_games=lambda: [good, 3])
    assert plugins.games() == []
    assert info.provides == []


def test_a_fault_is_recorded_once(manager: PluginManager) -> None:
    info = add(manager, "bad", f2p_games=failing)
    for _ in range(3):
        plugins.games()
        plugins.plugins()
    line = failing.__code__.co_firstlineno + 1
    assert info.error == f"f2p_games: RuntimeError: boom ({__file__}:{line})"


def test_a_hook_that_takes_arguments_is_refused(manager: PluginManager) -> None:
    info = add(manager, "bad", f2p_games=lambda config: [], f2p_recognizers=none)
    assert info.status == "broken"
    assert "f2p_games" in info.error
    assert "config" in info.error
    assert plugins.recognizers() == []


def test_a_misspelt_hook_is_reported(manager: PluginManager, tmp_path: Path) -> None:
    good = a_game(tmp_path, "good", "any")
    info = add(manager, "bad", f2p_recogniser=none, f2p_games=lambda: [good])
    assert info.status == "faulty"
    text = "there is no hook 'f2p_recogniser'; did you mean 'f2p_recognizers'?"
    assert info.error == f"{text} ({__file__}:{none.__code__.co_firstlineno})"
    assert plugins.games() == [good]


def test_two_plugins_provide_the_same_name(manager: PluginManager, tmp_path: Path) -> None:
    mine, theirs = a_game(tmp_path, "elves", "any"), a_game(tmp_path, "elves", "other")
    # pluggy calls the last registered plugin first.
    second = add(manager, "second", f2p_games=lambda: [theirs])
    first = add(manager, "first", f2p_games=lambda: [mine])
    for _ in range(2):
        assert plugins.games() == [mine]
    assert (first.status, second.status) == ("ok", "faulty")
    assert second.error.startswith("f2p_games: game elves is already provided by first; leave one")
    choice = "F2P_DISABLE_PLUGINS=first or F2P_DISABLE_PLUGINS=second"
    assert choice in second.error
    with pytest.raises(PluginError, match="first and second both provide the game elves") as caught:
        plugins.game("elves/any")
    assert choice in caught.value.remedy
    assert choice in second.error


def test_a_default_that_two_plugins_provide_is_an_error(manager: PluginManager) -> None:
    add(manager, "b", f2p_recognizers=lambda: [recognizer_spec("same"), recognizer_spec("own")])
    add(manager, "a", f2p_recognizers=lambda: [recognizer_spec("same")])
    with pytest.raises(PluginError, match="a and b both provide the recognizer same") as caught:
        plugins.recognizer()
    assert "F2P_DISABLE_PLUGINS=a or F2P_DISABLE_PLUGINS=b" in caught.value.remedy
    assert plugins.recognizer("own").name == "own"


def test_names_of_the_core_stay_usable(manager: PluginManager) -> None:
    info = add(manager, "rival", f2p_recognizers=lambda: [recognizer_spec("light-cnn")])
    manager.load_entry_points()
    plugins.plugins()
    assert "recognizer light-cnn is the core's own: choose another name" in info.error
    with pytest.raises(PluginError, match="'light-cnn' cannot be used: its weights are missing"):
        plugins.recognizer("light-cnn")


def test_a_module_without_hookimpl_is_told_so(manager: PluginManager) -> None:
    info = PluginInfo("bare")
    module = ModuleType("bare_module")
    manager.register(module, info)
    assert info.status == "broken"
    assert info.error.startswith("bare_module has no hook: mark its functions")
    partly = PluginInfo("partly")
    module = plugin(f2p_recognizers=none)

    def f2p_games() -> list[Any]:
        return []

    module.f2p_games = f2p_games  # type: ignore[attr-defined]
    manager.register(module, partly)
    assert partly.status == "faulty"
    text = "f2p_games is not called: it is not marked with @hookimpl"
    assert partly.error == f"{text} ({__file__}:{f2p_games.__code__.co_firstlineno})"


def test_an_unknown_game_names_the_plugins_that_failed(
    manager: PluginManager, tmp_path: Path
) -> None:
    elves = a_game(tmp_path, "elves", "any")
    add(manager, "good", f2p_games=lambda: [elves])
    add(manager, "bad", f2p_games=failing)
    with pytest.raises(UnknownNameError) as caught:
        plugins.game("dwarves")
    start = "there is no game named 'dwarves'; the plugin bad has a fault: f2p_games: RuntimeError"
    assert caught.value.message.startswith(start)
    assert __file__ in caught.value.message
    with pytest.raises(PluginError, match="none is installed; the plugin bad has a fault"):
        plugins.detector()


def test_wrappers_are_refused(manager: PluginManager) -> None:
    module = ModuleType("wrapping")

    def f2p_games() -> Iterator[None]:
        yield

    module.f2p_games = hookimpl(f2p_games, wrapper=True)  # type: ignore[attr-defined]
    info = PluginInfo("wrapping")
    manager.register(module, info)
    assert plugins.games() == []
    assert "not a wrapper" in info.error


def test_default_is_the_first_available(manager: PluginManager) -> None:
    add(
        manager,
        "one",
        f2p_recognizers=lambda: [
            recognizer_spec("best", available=lambda: "its weights are missing"),
            recognizer_spec("sick", available=failing),
            recognizer_spec("good"),
            recognizer_spec("last"),
        ],
    )
    assert plugins.recognizer().name == "good"
    assert plugins.recognizer("last").name == "last"
    with pytest.raises(PluginError, match="'best' cannot be used: its weights are missing"):
        plugins.recognizer("best")
    with pytest.raises(PluginError, match="RuntimeError: boom"):
        plugins.recognizer("sick")
    with pytest.raises(UnknownNameError, match=r"did you mean 'good'\?"):
        plugins.recognizer("goood")


def test_trylast_and_tryfirst_are_respected(manager: PluginManager) -> None:
    for name, options in (("a", {}), ("b", {"trylast": True}), ("c", {"tryfirst": True})):
        module = ModuleType(name)

        def f2p_recognizers(name: str = name) -> list[RecognizerSpec]:
            return [recognizer_spec(name)]

        module.f2p_recognizers = hookimpl(f2p_recognizers, **options)  # type: ignore[attr-defined]
        manager.register(module, PluginInfo(name))
    assert [spec.name for spec in plugins.recognizers()] == ["c", "a", "b"]


def test_object_is_loaded_at_the_first_use_and_kept(manager: PluginManager) -> None:
    calls: list[str] = []

    def load() -> Any:
        calls.append("load")
        return SimpleNamespace(name="d")

    add(manager, "one", f2p_detectors=lambda: [DetectorSpec("d", "D", load)])
    plugins.plugins()
    assert not calls
    assert plugins.detector() is plugins.detector("d")


def test_a_failing_load_names_the_detector(manager: PluginManager) -> None:
    add(manager, "one", f2p_detectors=lambda: [DetectorSpec("d", "D", failing)])
    with pytest.raises(PluginError, match="detector 'd' cannot be loaded: RuntimeError: boom"):
        plugins.detector()


def test_none_is_available(manager: PluginManager) -> None:
    with pytest.raises(PluginError, match="no detector can be used: none is installed"):
        plugins.detector()
    spec = recognizer_spec("r", available=lambda: "no weights")
    add(manager, "one", f2p_recognizers=lambda: [spec])
    with pytest.raises(PluginError, match="no recognizer can be used: r: no weights") as caught:
        plugins.recognizer()
    assert "f2p-dlib" in caught.value.remedy


def test_commands(manager: PluginManager) -> None:
    command = click.Command("extra")
    add(manager, "one", f2p_commands=lambda: [command])
    bad = add(manager, "two", f2p_commands=lambda: [print])
    assert plugins.commands() == [command]
    assert "must return commands" in bad.error


# Installed packages with entry points, in their own processes


def install(folder: Path, name: str, source: str, *, dist: str = "", version: str = "1.2") -> None:
    """Write an installed package: a module, and a dist-info folder with an entry point."""
    dist = dist or f"f2p-{name}"
    (folder / f"{dist.replace('-', '_')}_module.py").write_text(source, encoding="utf-8")
    info = folder / f"{dist.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[f2p]\n{name} = {dist.replace('-', '_')}_module\n")


GOOD = """
import click
from f2p_sdk import hookimpl
@hookimpl
def f2p_commands():
    return [click.Command("hello", callback=lambda: click.echo("hello from a plugin"))]
"""


ELVES = """
from pathlib import Path
from f2p_sdk import Game, Kind, hookimpl
@hookimpl
def f2p_games():
    path = Path(__file__).with_name("elves-any.toml")
    return [Game("elves", "Elves", (Kind("elves", "any", path),))]
"""


def f2p(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from f2p_sdk.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("from f2p_sdk import NoSuchName", "ImportError: cannot import name 'NoSuchName'"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_isolated(
    tmp_path: Path, source: str, message: str
) -> None:
    import json

    install(tmp_path, "rotten", source)
    install(tmp_path, "wholesome", GOOD)
    done = f2p(tmp_path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "hello" in done.stdout
    done = f2p(tmp_path, "plugins", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    rotten = rows["rotten"]
    assert (rotten["status"], rotten["dist"], rotten["version"]) == ("broken", "f2p-rotten", "1.2")
    assert rotten["error"].startswith(f"cannot be loaded: {message}")
    assert rotten["error"].endswith(f"({tmp_path / 'f2p_rotten_module.py'}:1)")
    assert rows["wholesome"]["status"] == "ok"
    assert rows["wholesome"]["provides"] == ["command hello"]
    assert f2p(tmp_path, "hello").stdout == "hello from a plugin\n"


def test_a_plugin_cannot_take_the_name_of_the_core(tmp_path: Path) -> None:
    import json

    install(tmp_path, "core", GOOD)
    rows = json.loads(f2p(tmp_path, "plugins", "--json").stdout)
    found = {row["name"]: (row["dist"], row["status"]) for row in rows}
    assert found["core"] == ("f2p-sdk", "ok")
    assert found["core (f2p-core)"] == ("f2p-core", "broken")


def test_core_comes_first_and_unavailable_objects_are_no_fault(manager: PluginManager) -> None:
    waits = recognizer_spec("a-waits", available=lambda: "no weights; import them")
    breaks = recognizer_spec("b-breaks", available=lambda: 1 / 0)
    info = add(manager, "aaa", f2p_recognizers=lambda: [waits, breaks])
    manager.load_entry_points()
    names = [spec.name for spec in plugins.recognizers()]
    assert names.index("light-cnn") == 0
    assert {"a-waits", "b-breaks", "dlib"} <= set(names)
    assert info in plugins.plugins()
    assert info.status == "ok"
    assert info.waiting == {
        "recognizer a-waits": "no weights; import them",
        "recognizer b-breaks": "ZeroDivisionError: division by zero",
    }


def test_table_of_plugins_shows_broken_ones(tmp_path: Path) -> None:
    install(tmp_path, "rotten", "1 / 0")
    done = f2p(tmp_path, "plugins")
    assert done.returncode == 1
    assert "rotten" in done.stdout
    assert "error: plugin rotten: cannot be loaded: ZeroDivisionError" in done.stderr
    remedy = "mend it, update it (pip install --upgrade f2p-rotten), or leave it out"
    assert f"next: {remedy}: F2P_DISABLE_PLUGINS=rotten" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in f2p(tmp_path, "plugins", "--debug").stderr


@pytest.mark.slow
def test_a_broken_plugin_fails_check_and_can_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    a_game(tmp_path, "elves", "any")
    install(tmp_path, "elves", ELVES)
    install(tmp_path, "mygame", "import click\n\nmissing()\n")
    place = f"NameError: name 'missing' is not defined ({tmp_path / 'f2p_mygame_module.py'}:3)"
    done = f2p(tmp_path, "check", "-g", "elves", "--no-engine", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    (broken,) = (finding for finding in document["findings"] if finding["status"] == "failed")
    assert (broken["check"], broken["subject"]) == ("plugins", "mygame")
    assert broken["value"] == f"cannot be loaded: {place}"
    assert "F2P_DISABLE_PLUGINS=mygame" in broken["remedy"]
    done = f2p(tmp_path, "check", "-g", "mygame")
    assert done.returncode == 1
    text = "error: there is no game named 'mygame'; the plugin mygame failed to load: cannot be"
    assert text in done.stderr
    assert place in done.stderr
    monkeypatch.setenv("F2P_DISABLE_PLUGINS", "mygame, f2p-facemesh, mygime")
    assert f2p(tmp_path, "check", "-g", "elves", "--no-engine").returncode == 0
    done = f2p(tmp_path, "plugins", "--json")
    assert done.returncode == 0
    states = {row["name"]: row["status"] for row in json.loads(done.stdout)}
    assert (states["mygame"], states["facemesh"]) == ("disabled", "disabled")
    assert (states["core"], states["dlib"]) == ("ok", "ok")
    assert "F2P_DISABLE_PLUGINS has 'mygime', which is no installed plugin" in done.stderr
    assert "did you mean 'mygame'" in done.stderr


def test_two_packages_with_a_plugin_of_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    install(tmp_path, "twin", GOOD, dist="first-dist")
    install(tmp_path, "twin", GOOD, dist="second-dist")
    rows = json.loads(f2p(tmp_path, "plugins", "--json").stdout)
    found = {row["name"]: row["status"] for row in rows if "twin" in row["name"]}
    assert sorted(found.values()) == ["broken", "ok"]
    errors = "".join(row["error"] for row in rows)
    assert "first-dist and second-dist" in errors or "second-dist and first-dist" in errors
    assert "F2P_DISABLE_PLUGINS=first-dist" in errors
    monkeypatch.setenv("F2P_DISABLE_PLUGINS", "second-dist")
    done = f2p(tmp_path, "plugins", "--json")
    assert done.returncode == 0
    rows = json.loads(done.stdout)
    found = {row["dist"]: row["status"] for row in rows if "twin" in row["name"]}
    assert found == {"first-dist": "ok", "second-dist": "disabled"}


def test_a_plugins_command_does_not_replace_one_of_the_core(tmp_path: Path) -> None:
    install(tmp_path, "bold", GOOD.replace('"hello"', '"games"'))
    assert "hello from a plugin" not in f2p(tmp_path, "games").stdout


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_unprintable_names_are_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    monkeypatch.setenv("PYTHONUTF8", "0")
    install(tmp_path, "far", GOOD.replace("hello", "\u4f60\u597d"))
    for line in (["--help"], ["plugins"], ["plugins", "--json"], ["\u4f60\u597d"]):
        done = f2p(tmp_path, *line)
        assert (done.returncode, done.stderr) == (0, ""), line
