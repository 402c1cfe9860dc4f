"""The decoded cache: what is in it, when it is used again, and data that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from f2p_sdk.errors import DatasetError
from f2p_sdk.images import resize
from f2p_sdk.parameters import Continuous, Layout
from f2p_sdk.training import Pictures, Record, open_pictures


class Reader:
    """Counts how often the dataset is read."""

    def __init__(self, records: list[Record]) -> None:
        self.records, self.reads = records, 0

    def __call__(self) -> list[Record]:
        self.reads += 1
        return self.records


def _shard(folder: Path, size: int = 10) -> None:
    (folder / "000000.tar").write_bytes(bytes(size))


def test_cache_holds_pictures_and_vectors(toy, tmp_path: Path) -> None:
    _shard(tmp_path)
    records = toy.records(70)
    seen: list[int] = []
    pictures = open_pictures(tmp_path, toy.layout, 32, Reader(records), progress=seen.append)
    assert seen == [64, 70]
    assert pictures.pictures.shape == (70, 32, 32, 3)
    assert pictures.source["pictures"] == 70
    for i in (0, 33, 69):
        character = toy.layout.random(i)
        assert np.array_equal(pictures.pictures[i], toy.draw(character))
        assert np.array_equal(pictures.vectors[i], toy.layout.encode(character))
        assert pictures.numbers[i] == i


def test_cache_is_used_until_the_data_change(toy, tmp_path: Path) -> None:
    _shard(tmp_path)
    reader = Reader(toy.records(30))
    open_pictures(tmp_path, toy.layout, 32, reader)
    open_pictures(tmp_path, toy.layout, 32, reader)
    assert reader.reads == 1
    _shard(tmp_path, 20)  # the capture went on
    reader.records = toy.records(40)
    assert len(open_pictures(tmp_path, toy.layout, 32, reader)) == 40
    assert reader.reads == 2


@pytest.mark.parametrize("harm", ["cut", "note"])
def test_cache_that_was_not_finished_is_made_anew(toy, tmp_path: Path, harm: str) -> None:
    _shard(tmp_path)
    reader = Reader(toy.records(30))
    open_pictures(tmp_path, toy.layout, 32, reader)
    (cache,) = (tmp_path / ".f2p-cache").iterdir()
    if harm == "cut":
        (cache / "pictures.u8").write_bytes((cache / "pictures.u8").read_bytes()[:-1])
    else:
        (cache / "cache.json").write_text("{")
    assert len(open_pictures(tmp_path, toy.layout, 32, reader)) == 30
    assert reader.reads == 2


def test_larger_pictures_are_scaled_down(toy, tmp_path: Path) -> None:
    pictures = open_pictures(tmp_path, toy.layout, 16, Reader(toy.records(3)))
    assert np.array_equal(pictures.pictures[1], resize(toy.draw(toy.layout.random(1)), 16))
    assert pictures.source["size"] == 32


def test_split_keeps_a_record_on_its_side(toy, tmp_path: Path) -> None:
    def halves(count: int) -> tuple[set[int], set[int]]:
        pictures = open_pictures(tmp_path, toy.layout, 32, Reader(toy.records(count)))
        train, held = pictures.split()
        return set(pictures.numbers[train].tolist()), set(pictures.numbers[held].tolist())

    _shard(tmp_path)
    train, held = halves(50)
    assert held == {19, 39}
    assert train | held == set(range(50))
    _shard(tmp_path, 20)
    more_train, more_held = halves(70)
    assert train < more_train
    assert held < more_held


def test_data_that_cannot_be_used(toy, tmp_path: Path) -> None:
    record = toy.records(1)[0]
    other = Layout("toy", "face", (*toy.layout.parameters, Continuous("chin", "face")))
    cases = [
        ([], 32, toy.layout, "there are no records", "f2p capture"),
        ([record], 64, toy.layout, "record 0 is 32x32", "--size 64"),
        ([(7, record[1], record[2][:99])], 32, toy.layout, "record 7 cannot be decoded", "again"),
        ([record], 32, other, "record 0 does not fit the layout", "capture again"),
    ]
    for records, size, layout, message, remedy in cases:
        with pytest.raises(DatasetError, match=message) as error:
            open_pictures(tmp_path, layout, size, Reader(records))
        assert remedy in error.value.remedy


def test_too_few_records_to_hold_some_out() -> None:
    few = Pictures(np.zeros((5, 8, 8, 3), np.uint8), np.zeros((5, 7), np.float32), np.arange(5), {})
    with pytest.raises(DatasetError, match="5 records, too few"):
        few.split()
