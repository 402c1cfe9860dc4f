"""Conformance checks: a correct game passes, and each fault is reported with a remedy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from f2p_sdk import CheckSpec, Finding, Kind, PluginError, conformance, plugins
from f2p_sdk.bridge import Host
from f2p_sdk.errors import LayoutError
from f2p_sdk.testing import AdapterTests, FakeEngine


@pytest.fixture
def hero(toy: None) -> Kind:
    return plugins.game("toy/hero")


def broken(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {f.rule: f for f in findings if not f.ok}


def test_a_correct_adapter_passes(hero: Kind) -> None:
    findings = [*conformance.check_adapter(hero), *conformance.check_weights(hero)]
    assert all(f.ok for f in findings), findings
    assert "4 continuous + 3 discrete = 7" in findings[0].value


def test_check_engine_runs_the_bridge_and_effect_checks(hero: Kind) -> None:
    rows = list(conformance.check_engine(hero))
    failed = [f for f in rows if not f.ok]
    # The toy engine draws no hair, so the choices of hair look alike.
    assert {f.rule for f in failed} == {"every choice looks different from the others"}
    assert {f.subject for f in failed} == {
        "toy/hero hair short",
        "toy/hero hair long",
    }
    rules = {f.rule for f in rows}
    assert {
        "draws 64x64",
        "same character, same bytes",
        "every slider changes the picture",
    } <= rules


def test_an_invalid_layout_is_reported(hero: Kind, tmp_path: Path) -> None:
    path = tmp_path / "hero.toml"
    path.write_text('game = "toy"\nkind = "hero"\n\n[[continuous]]\nname = "x"\nlow = 2\n')
    (finding,) = conformance.check_adapter(dataclasses.replace(hero, layout_path=path))
    assert not finding.ok
    assert "x" in finding.value


def test_unknown_groups_are_noted(hero: Kind, tmp_path: Path) -> None:
    path = tmp_path / "hero.toml"
    text = hero.layout_path.read_text(encoding="utf-8")
    path.write_text(text.replace('group = "eye"', 'group = "eyes"'), encoding="utf-8")
    findings = list(conformance.check_adapter(dataclasses.replace(hero, layout_path=path)))
    (noted,) = (f for f in findings if f.rule == "every group is a known part of the face")
    assert (noted.status, noted.ok) == ("skipped", True)
    assert noted.value == "unknown group 'eyes' of eyes: did you mean 'eye'?"


def test_a_wrong_framing_is_reported(hero: Kind, tmp_path: Path) -> None:
    path = tmp_path / "framing.toml"
    points = [[0.7, 0.6], [0.6, 0.6], [0.3, 0.6], [0.4, 0.6], [0.5, 0.4]]
    path.write_text(f"size = 128\nlandmarks = {points}\n")
    found = broken(conformance.check_adapter(dataclasses.replace(hero, framing_path=path)))
    assert "the nose is not below the eyes" in found["the framing is a face in the picture"].value
    path.write_text(f"size = 128\nlandmarks = {[[1 - x, 1 - y] for x, y in points]}\n")
    found = broken(conformance.check_adapter(dataclasses.replace(hero, framing_path=path)))
    assert "dlib's order" in found["the framing is a face in the picture"].value
    far = [[0.53, 0.4], [0.52, 0.4], [0.45, 0.4], [0.46, 0.4], [0.49, 0.45]]
    path.write_text(f"size = 128\nlandmarks = {far}\n")
    found = broken(conformance.check_adapter(dataclasses.replace(hero, framing_path=path)))
    value = found["the framing is a face in the picture"].value
    assert value == "the eyes must be 24 or more pixels apart in a picture of 256, they are 17.9"


def test_weights_of_another_layout_fail_and_missing_ones_are_skipped(hero: Kind) -> None:
    other = plugins.game("toy/villain")
    found = broken(
        conformance.check_weights(dataclasses.replace(hero, weights=dict(other.weights)))
    )
    (finding,) = found.values()
    assert other.layout.hash in finding.value
    assert hero.layout.hash in finding.value
    for weights in ({}, {"tiny": Path("not-there.safetensors")}):
        (finding,) = conformance.check_weights(dataclasses.replace(hero, weights=weights))
        assert (finding.status, finding.value) == ("skipped", "not trained yet")
        assert "f2p train imitator -g toy/hero" in finding.remedy


def test_an_engine_that_accepts_missing_values_is_reported(hero: Kind) -> None:
    """The fake engine also draws a character without values."""
    layouts = {hero.kind: hero.layout.hash}
    with (
        Host(game="toy", layouts=layouts) as host,
        FakeEngine(host.endpoint, game="toy", kinds=layouts),
    ):
        host.wait(30)
        found = broken(conformance.check_bridge(hero, host))
    refused = found["refuses a character without values, and continues"]
    assert refused.value == "it drew a picture"
    assert "raise an exception in render" in refused.remedy
    assert "same character, same bytes" not in found


def test_a_lost_engine_is_reported(hero: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "dies")
    rows = list(conformance.check_engine(hero))
    assert not rows[-1].ok
    assert "the engine process ended" in rows[-1].value
    assert rows[-1].remedy


def test_a_kind_without_engine_is_skipped(hero: Kind) -> None:
    (finding,) = conformance.check_engine(dataclasses.replace(hero, engine=None))
    assert finding.status == "skipped"
    assert "--listen" in finding.remedy


def test_exceptions_in_checks_of_plugins_are_findings(
    hero: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(kind: Kind) -> list[Finding]:
        raise LayoutError("the rig is gone", remedy="bring it back")

    specs = [
        CheckSpec("good", "", lambda kind: [Finding("good", kind.name, "it is so")]),
        CheckSpec("elsewhere", "", fails, lambda kind: False),
        CheckSpec("bad", "", fails),
    ]
    monkeypatch.setattr(plugins, "checks", lambda: specs)
    good, bad = conformance.check_extra(hero)
    assert good.ok
    assert (bad.check, bad.value, bad.remedy) == ("bad", "the rig is gone", "bring it back")


@pytest.mark.usefixtures("toy")
class TestHero(AdapterTests):
    kind = "toy/hero"

    def test_engine(self) -> None:
        # The toy engine draws no hair.
        with pytest.raises(AssertionError, match="toy/hero hair short: every choice looks"):
            super().test_engine()


def test_invalid_findings_and_check_names_are_errors() -> None:
    with pytest.raises(
        PluginError, match="must be one of ok, warning, failed, skipped, got 'maybe'"
    ):
        Finding("a", "b", "c", "maybe")
    with pytest.raises(PluginError, match="lower-case"):
        CheckSpec("Rig check", "", lambda kind: [])
    assert all(Finding("a", "b", "c", status).ok for status in ("skipped", "warning"))


@pytest.mark.parametrize(("assets", "status"), [("build 8", "warning"), ("build 7", "ok")])
def test_check_compares_the_assets_of_engine_and_imitator(
    hero: Kind, monkeypatch: pytest.MonkeyPatch, assets: str, status: str
) -> None:
    monkeypatch.setattr("f2p_sdk.conformance.bridge.load_card", lambda path: {"assets": "build 7"})
    kinds = {hero.kind: hero.layout.hash}
    with (
        Host(game="toy", layouts=kinds) as host,
        FakeEngine(host.endpoint, game="toy", kinds=kinds, assets=assets),
    ):
        host.wait(30)
        rule = "its assets are those of the imitator"
        found = [f for f in conformance.check_bridge(hero, host) if f.rule == rule]
    assert {f.status for f in found} == {status}
    assert all(bool(f.remedy) is (status == "warning") for f in found)
