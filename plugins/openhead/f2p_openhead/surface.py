"""One drawn mesh: static and per-frame vertex columns, triangles and a shader, as a Panda3D node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from panda3d.core import (
    Geom,
    GeomEnums,
    GeomNode,
    GeomTriangles,
    GeomVertexArrayFormat,
    GeomVertexData,
    GeomVertexFormat,
    InternalName,
    NodePath,
    OmniBoundingVolume,
    Shader,
)

__all__ = ["Surface", "shader"]

Array = NDArray[np.float32]


def shader(vertex: str, fragment: str, looks: Sequence[str]) -> Shader:
    """Compile ``shaders/NAME``; each look name becomes a macro for its place in the ``look`` array."""
    files = resources.files(__package__) / "shaders"
    defines = [f"#define LOOK_SIZE {(len(looks) + 3) // 4}"]
    defines += [f"#define {name} look[{k // 4}].{'xyzw'[k % 4]}" for k, name in enumerate(looks)]
    head = "#version 130\n" + "\n".join(defines) + "\n"
    common = (files / "common.glsl").read_text(encoding="utf-8")
    return Shader.make(
        Shader.SL_GLSL,
        "#version 130\n" + (files / vertex).read_text(encoding="utf-8"),
        head + common + (files / fragment).read_text(encoding="utf-8"),
    )


class Surface:
    """``fixed`` and ``moving`` map column names to widths; moving columns are written every frame."""

    def __init__(
        self,
        name: str,
        triangles: NDArray[np.int32],
        fixed: Mapping[str, Array],
        moving: Mapping[str, int],
    ) -> None:
        self.rows = len(next(iter(fixed.values())))
        self._moving = tuple(moving)
        form = GeomVertexFormat()
        form.addArray(self._columns(moving))
        form.addArray(self._columns({k: v.shape[1] for k, v in fixed.items()}))
        self._data = GeomVertexData(name, GeomVertexFormat.registerFormat(form), Geom.UHDynamic)
        self._data.setNumRows(self.rows)
        table = np.concatenate(list(fixed.values()), 1).astype(np.float32)
        self._data.modifyArrayHandle(1).copyDataFrom(np.ascontiguousarray(table).tobytes())
        primitive = GeomTriangles(Geom.UHStatic)
        primitive.setIndexType(GeomEnums.NTUint32)
        indices = primitive.modifyVertices()
        indices.setNumRows(triangles.size)
        indices.modifyHandle().copyDataFrom(np.ascontiguousarray(triangles, np.uint32).tobytes())
        geom = Geom(self._data)
        geom.addPrimitive(primitive)
        node = GeomNode(name)
        node.addGeom(geom)
        self._geom = node
        # Vertices move every frame; without this their bounds would be worked out each time.
        node.setBounds(OmniBoundingVolume())
        node.setFinal(True)
        self.node = NodePath(node)

    @staticmethod
    def _columns(columns: Mapping[str, int]) -> GeomVertexArrayFormat:
        form = GeomVertexArrayFormat()
        for name, width in columns.items():
            contents = {"vertex": GeomEnums.CPoint, "normal": GeomEnums.CNormal}.get(
                name, GeomEnums.COther
            )
            form.addColumn(InternalName.make(name), width, GeomEnums.NTFloat32, contents)
        return form

    def write(self, *columns: Array) -> None:
        """New values of the moving columns, in the order they were declared."""
        table = np.concatenate(columns, 1) if len(columns) > 1 else columns[0]
        data = self._geom.modifyGeom(0).modifyVertexData()
        data.modifyArrayHandle(0).copyDataFrom(np.ascontiguousarray(table, np.float32).data)
