"""Slider tables: their forms, and the errors that name row, column, rule and value."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from f2p_sdk.errors import LayoutError, PluginError, UsageError
from f2p_sdk.parameters import Continuous, Discrete
from f2p_sdk.scaffold import Table, read_table

HERE = Path(__file__).parent
HEAD = "name,group,low,high,default,unit,choices\n"
WIDTH = Continuous("nose_width", "nose", 30, 42, 36, "mm")
HAIR = Discrete("hair", "hair", ("none", "short", "long"), "short")


def write(folder: Path, text: str, name: str = "sliders.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def only(table: Table) -> tuple[Continuous | Discrete, ...]:
    (parameters,) = table.kinds.values()
    return parameters


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_in_its_forms(separator: str, encoding: str, tmp_path: Path) -> None:
    lines = ["name,group,low,high,default,unit,choices", "", "nose_width,nose,30,42,36,mm,"]
    lines += ["hair,hair,,,short,,none|short|long", ",,,,,,"]
    text = "\r\n".join(lines).replace(",", separator)
    table = read_table(write(tmp_path, text, encoding=encoding))
    assert table.kinds == {"hero": (WIDTH, HAIR)}
    assert not table.renamed


def test_quoted_choices_and_other_names_of_columns(tmp_path: Path) -> None:
    text = 'Slider,Part,MIN,Maximum,Options\nnose,Noses,0,1,\nhair,hair,,,"none,short,long"\n'
    nose, hair = only(read_table(write(tmp_path, text)))
    assert nose == Continuous("nose", "nose")
    assert hair.choices == HAIR.choices  # type: ignore[union-attr]
    assert hair.default == "none"


def test_decimal_commas_and_middles(tmp_path: Path) -> None:
    (slider,) = only(read_table(write(tmp_path, "name;low;high\nbrow;-0,5;1,5\n")))
    assert slider == Continuous("brow", "eyebrow", -0.5, 1.5, 0.5)


def test_toml_is_that_of_a_layout(tmp_path: Path) -> None:
    text = """
[[continuous]]
name = "nose_width"
group = "nose"
low = 30
high = 42
default = 36
unit = "mm"
[[discrete]]
name = "hair"
group = "hair"
choices = ["none", "short", "long"]
default = "short"
"""
    assert only(read_table(write(tmp_path, text, "sliders.toml"))) == (WIDTH, HAIR)


def test_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (
        ["name", "group", "low", "high", "default", "unit", "choices"],
        ["nose_width", "nose", 30, 42.0, 36, "mm", None],
        [None] * 7,
        ["hair", "hair", None, None, "short", None, "none; short; long"],
    ):
        book.active.append(row)
    book.save(tmp_path / "sliders.xlsx")
    assert only(read_table(tmp_path / "sliders.xlsx")) == (WIDTH, HAIR)
    write(tmp_path, "no workbook", "bad.xlsx")
    with pytest.raises(LayoutError, match=r"bad.xlsx: is not a readable workbook"):
        read_table(tmp_path / "bad.xlsx")


def test_workbook_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(UsageError, match="needs the package openpyxl") as caught:
        read_table(write(tmp_path, "", "sliders.xlsx"))
    assert "f2p-sdk[xlsx]" in caught.value.remedy


def test_kinds(tmp_path: Path) -> None:
    text = "name,kind,low,high\nnose,,0,1\nbeard,male,0,1\nlip,female; child,0,1\n"
    table = read_table(write(tmp_path, text))
    named = {kind: [p.name for p in ps] for kind, ps in table.kinds.items()}
    assert named == {"male": ["nose", "beard"], "female": ["nose", "lip"], "child": ["nose", "lip"]}
    plain = write(tmp_path, "name,low,high\nnose,0,1\n", "plain.csv")
    assert list(read_table(plain, ["orc", "elf"]).kinds) == ["orc", "elf"]
    with pytest.raises(LayoutError, match="has a column 'kind', and the kinds orc are given too"):
        read_table(write(tmp_path, text), ["orc"])
    with pytest.raises(PluginError, match="the name of a kind must be lower-case"):
        read_table(plain, ["Orc"])


def test_blanks_in_names_become_labels(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, HEAD + "Nose Width,,0,1,,,\nHair Cut,,,,,,a b;c\n"))
    width, cut = only(table)
    assert (width.name, width.label, width.group) == ("Nose_Width", "Nose Width", "nose")
    assert cut == Discrete("Hair_Cut", "hair", ("a_b", "c"), "a_b", "Hair Cut")
    assert table.renamed == {"Nose Width": "Nose_Width", "Hair Cut": "Hair_Cut"}


@pytest.mark.skipif(
    "step" not in {f.name for f in fields(Continuous)}, reason="layouts have no steps yet"
)
def test_steps(tmp_path: Path) -> None:
    text = "name,low,high,step\nage,18,82,2\ntone,0,1,1/255\n"
    age, tone = only(read_table(write(tmp_path, text)))
    assert (age.step, age.default) == (2, 50)  # type: ignore[union-attr]
    assert tone.step == pytest.approx(1 / 255)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("", "must have at least one parameter", "one row for each slider"),
        (HEAD, "must have at least one parameter", "one row for each slider"),
        ("nme,low\n", "row 1: 'nme' is not a column here; the columns are name, group", "'name'"),
        ("low,high\n", "row 1: the column 'name' is missing, got low, high", "first row names"),
        ("name,low,min\n", "row 1: the column 'low' is there twice", ""),
        (HEAD + ",nose,0,1,,,\n", "row 2, column 'name': must be a name, is empty", "own name"),
        (HEAD + "a,,0,1,,,\n\na,,0,1,,,\n", "row 4, column 'name': 'a' is there already", "own"),
        (HEAD + "a,,0,x,,,\n", "row 2, column 'high': must be a number, got 'x'", ""),
        (HEAD + "a,,0,13 cm,,,\n", "column 'high': must be a number, got '13 cm'", "'cm' into"),
        (HEAD + "a,,0,nan,,,\n", "column 'high': must be a number, got nan", ""),
        (HEAD + "a,,0,,,,\n", "row 2, column 'high': a slider must have a number", "ends of the"),
        (HEAD + "a,,1,0,,,\n", "row 2: parameter 'a': low must be less than high", ""),
        (HEAD + "a,,0,1,2,,\n", "row 2: parameter 'a': default must be from 0 to 1, got 2", ""),
        (HEAD + "a=b,,0,1,,,\n", "row 2: a continuous parameter: name must be", ""),
        (HEAD + "a,,,,,,one\n", "row 2, column 'choices': must be two or more", "semicolons"),
        (HEAD + "a,,,,,,b;b\n", "row 2: parameter 'a': choices must differ", ""),
        (HEAD + "a,,,,shrt,,short;long\n", "row 2: parameter 'a': default must be one", "'short'"),
        (HEAD + "a,,0,,,,b;c\n", "row 2, column 'low': a list of choices has none", "either low"),
        (HEAD + "a,,0,1,,,,,9\n", "row 2: must have at most 7 cells, has 9", "quotes"),
        (HEAD + '"a,,0\n', "is not valid CSV", ""),
    ],
)
def test_errors_name_row_and_column(text: str, message: str, remedy: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(LayoutError) as caught:
        read_table(path)
    assert caught.value.message.startswith(str(path))
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_errors_of_files(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="there is no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(
        UsageError, match=r"suffix of a slider table must be one of .*, got '\.ods'"
    ):
        read_table(tmp_path / "sliders.ods")
    with pytest.raises(LayoutError, match="must be UTF-8, is not at byte") as caught:
        read_table(write(tmp_path, HEAD + "größe,,0,1,,,\n", encoding="latin-1"))
    assert "CSV UTF-8" in caught.value.remedy
    with pytest.raises(LayoutError, match=r"'slider' is not a key here"):
        read_table(write(tmp_path, "[[slider]]\n", "a.toml"))
    with pytest.raises(LayoutError, match=r"continuous must be written as \[\[continuous\]\]"):
        read_table(write(tmp_path, "continuous = 1\n", "a.toml"))
    toml = '[[continuous]]\nname = "a"\nlow = "x"\nhigh = 1\n'
    with pytest.raises(LayoutError, match=r"\[\[continuous\]\] number 1, column 'low': must be"):
        read_table(write(tmp_path, toml, "a.toml"))
