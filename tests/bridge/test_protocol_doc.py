"""The code agrees with docs/reference/protocol.md, which specifies the protocol."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import ROOT

from f2p_sdk.bridge import Host, messages, watchdog, wire
from f2p_sdk.bridge.dispatch import MAX_ATTEMPTS
from f2p_sdk.bridge.wire import FIELDS, MessageType, decode, encode

DOC = (ROOT / "docs" / "reference" / "protocol.md").read_text(encoding="utf-8")


def table(first: str) -> list[list[str]]:
    """Rows of the table whose header starts with ``first``."""
    start = DOC.index(f"| {first} |")
    rows = []
    for line in DOC[start:].splitlines():
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def test_version() -> None:
    assert f"# The bridge protocol, version {wire.MAJOR}.{wire.MINOR}\n" in DOC
    assert wire.MAGIC.hex(" ") in DOC


def test_limits() -> None:
    documented = {name.strip("`"): int(value) for name, value in table("limit")}
    code = {n: v for m in (wire, messages) for n, v in vars(m).items() if n.startswith("MAX_")}
    assert documented == code
    assert f"fails after {MAX_ATTEMPTS} engines" in DOC


def test_message_types() -> None:
    documented = {name: int(number) for name, number, _, _ in table("type | number")}
    assert documented == {t.name: t.value for t in MessageType}


def test_required_fields() -> None:
    types = {
        "text": (str,),
        "integer": (int,),
        "number": (int, float),
        "map": (dict,),
        "array": (list,),
    }
    documented: dict[str, dict[str, object]] = {t.name: {} for t in MessageType}
    for type, field, kind, _ in table("type | field"):
        documented[type][field] = types[kind]
    assert documented == {t.name: dict(FIELDS[t]) for t in MessageType}


def test_variable_of_the_watchdog() -> None:
    assert f"environment variable `{watchdog.VARIABLE}`" in DOC


def test_planes() -> None:
    names = {"height": 5, "width": 7, "n": 9, "m": 9}
    documented = {}
    for name, dtype, shape, _ in table("pass"):
        sides = [side.replace(" or more", "").strip() for side in shape.split(",")]
        values = tuple(names.get(side) or int(side) for side in sides)
        documented[name.strip("`")] = dtype.strip("`"), values
    assert documented == {
        name: (dtype, messages.plane_shape(name, (7, 5), (9, 1)))
        for name, dtype in messages.PASSES.items()
    }


def test_codes_of_refused() -> None:
    documented = {code.strip("`") for code, _ in table("code | meaning")}
    source = "".join(
        (Path(wire.__file__).parent / name).read_text(encoding="utf-8")
        for name in ("wire.py", "admission.py")
    )
    used = set(re.findall(r'Refusal\(\s*"(\w+)"', source)) | set(
        re.findall(r'code = "(\w+)"', source)
    )
    assert documented == used


EXAMPLES = re.findall(r"```frames\n(\w+)\n(\{.*?\})\n((?:[0-9a-f ]+\n)+)```", DOC, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_literal_frames(example: tuple[str, str, str]) -> None:
    name, text, dump = example
    frames = [bytes.fromhex(line) for line in dump.strip().replace("\n  ", " ").split("\n")]
    header = json.loads(text)
    message = decode(frames)
    assert message.type is MessageType[name]
    assert message.header == header
    assert encode(MessageType[name], header, frames[2:]) == frames


def test_every_type_has_an_example() -> None:
    assert {e[0] for e in EXAMPLES} == {t.name for t in MessageType}


def test_the_python_example_is_an_engine() -> None:
    code = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    assert len(code) == 1
    namespace: dict[str, object] = {}
    exec(code[0], namespace)
    with Host(game="mygame", layouts={"hero": "0123456789abcdef"}) as host:
        main: Any = namespace["main"]
        thread = threading.Thread(target=main, args=(host.endpoint,))
        thread.start()
        host.wait(20)
        assert host.render({"nose": 1.0}, size=(3, 2)).color.shape == (2, 3, 3)
    thread.join(10)
    assert not thread.is_alive()
