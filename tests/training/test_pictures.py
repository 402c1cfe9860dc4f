"""The cache of decoded pictures: content, reuse, and data that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from f2p_toy import HERO, VILLAIN, draw

from f2p_sdk.errors import DatasetError
from f2p_sdk.images import encode_png, resize
from f2p_sdk.training import Pictures, Record, open_pictures


def _records(count: int) -> list[Record]:
    """Records of a captured dataset of ``count`` heroes."""
    characters = [HERO.random(i) for i in range(count)]
    return [(i, c.values, encode_png(draw(c))) for i, c in enumerate(characters)]


def _unread() -> list[Record]:
    raise AssertionError("the dataset was read again")


def _shard(folder: Path, size: int = 10) -> None:
    (folder / "000000.tar").write_bytes(bytes(size))


def test_cache_holds_pictures_and_vectors(tmp_path: Path) -> None:
    _shard(tmp_path)
    records = _records(70)
    progress: list[int] = []
    pictures = open_pictures(tmp_path, HERO, 32, lambda: records, progress=progress.append)
    assert progress[-1] == 70
    assert pictures.pictures.shape == (70, 32, 32, 3)
    assert pictures.source["pictures"] == 70
    for i in (0, 33, 69):
        character = HERO.random(i)
        assert np.array_equal(pictures.pictures[i], draw(character))
        assert np.array_equal(pictures.vectors[i], HERO.encode(character))
        assert pictures.numbers[i] == i


def test_the_cache_is_used_until_the_data_change(tmp_path: Path) -> None:
    _shard(tmp_path)
    open_pictures(tmp_path, HERO, 32, lambda: _records(30))
    assert len(open_pictures(tmp_path, HERO, 32, _unread)) == 30
    _shard(tmp_path, 20)  # the capture continued
    assert len(open_pictures(tmp_path, HERO, 32, lambda: _records(40))) == 40


@pytest.mark.parametrize("harm", ["cut", "note"])
def test_an_incomplete_cache_is_rebuilt(tmp_path: Path, harm: str) -> None:
    _shard(tmp_path)
    first = open_pictures(tmp_path, HERO, 32, lambda: _records(30)).pictures.copy()
    (cache,) = (tmp_path / ".f2p-cache").iterdir()
    if harm == "cut":
        (cache / "pictures.u8").write_bytes((cache / "pictures.u8").read_bytes()[:-1])
    else:
        (cache / "cache.json").write_text("{")
    again = open_pictures(tmp_path, HERO, 32, lambda: _records(30))
    assert np.array_equal(again.pictures, first)


def test_larger_pictures_are_scaled_down(tmp_path: Path) -> None:
    pictures = open_pictures(tmp_path, HERO, 16, lambda: _records(3))
    assert np.array_equal(pictures.pictures[1], resize(draw(HERO.random(1)), 16))
    assert pictures.source["size"] == 32


def test_split_keeps_a_record_on_its_side(tmp_path: Path) -> None:
    def numbers(count: int) -> tuple[set[int], set[int]]:
        pictures = open_pictures(tmp_path, HERO, 32, lambda: _records(count))
        train, held = pictures.split()
        return set(pictures.numbers[train].tolist()), set(pictures.numbers[held].tolist())

    _shard(tmp_path)
    train, held = numbers(50)
    assert held == {19, 39}
    assert train | held == set(range(50))
    _shard(tmp_path, 20)
    more_train, more_held = numbers(70)
    assert train < more_train
    assert held < more_held


def test_unusable_data_are_refused(tmp_path: Path) -> None:
    record = _records(1)[0]
    cases = [
        ([], 32, HERO, "there are no records", "f2p capture"),
        ([record], 64, HERO, "record 0 is 32x32", "--size 64"),
        ([(7, record[1], record[2][:99])], 32, HERO, "record 7 cannot be decoded", "again"),
        ([record], 32, VILLAIN, "record 0 does not fit the layout", "capture again"),
    ]
    for records, size, layout, message, remedy in cases:
        with pytest.raises(DatasetError, match=message) as error:
            open_pictures(tmp_path, layout, size, lambda given=records: given)
        assert remedy in error.value.remedy


def test_too_few_records_are_refused() -> None:
    few = Pictures(np.zeros((5, 8, 8, 3), np.uint8), np.zeros((5, 7), np.float32), np.arange(5), {})
    with pytest.raises(DatasetError, match="5 records, too few"):
        few.split()
