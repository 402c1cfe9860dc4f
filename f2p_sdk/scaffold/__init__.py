"""A new adapter from a table of sliders: what ``f2p new-adapter`` writes.

    table = read_table("sliders.csv")
    paths = write_adapter("moonfall", table, Path("moonfall"))

:mod:`.rows` reads files, :mod:`.table` makes parameters of rows, :mod:`.features` chooses what each
parameter moves in the drawn face, and :mod:`.package` writes the files.
"""

from __future__ import annotations

from .package import check_adapter_name, write_adapter
from .rows import Row, read_rows
from .table import Table, make_parameter, make_table, read_table

__all__ = [
    "Row",
    "Table",
    "check_adapter_name",
    "make_parameter",
    "make_table",
    "read_rows",
    "read_table",
    "write_adapter",
]
