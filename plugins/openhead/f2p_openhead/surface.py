"""One drawn mesh as a Panda3D node: fixed and moving vertex columns, triangles; its shader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from panda3d.core import (
    BitMask32,
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
    SamplerState,
    Shader,
    Texture,
)

__all__ = [
    "LABELS",
    "LABELS_MASK",
    "Surface",
    "hide_from_labels",
    "label_shaders",
    "make_shader",
    "make_texture",
    "set_shaders",
]

Array = NDArray[np.float32]

LABELS = "labels"  # tag of nodes, and key of the states that the labels camera gives them
LABELS_MASK = BitMask32.bit(1)
label_shaders: dict[str, Shader] = {}  # by tag


def make_shader(
    vertex: str,
    fragment: str,
    material_names: Sequence[str],
    parts: Sequence[str] = (),
    *,
    labels: bool = False,
    defines: Sequence[str] = (),
) -> Shader:
    """Compile two of ``shaders/``; each look name is a macro for its place in ``material``.

    ``head_rotation.glsl`` stands before the vertex shader; ``common.glsl`` and then ``parts`` before the
    fragment shader, in which ``defines`` are defined. With ``labels`` it is compiled to write
    classes instead of colours.
    """
    files = resources.files(__package__) / "shaders"
    lines = [f"#define {name}" for name in (*defines, *(["LABELS"] if labels else []))]
    lines += [f"#define MATERIAL_SIZE {(len(material_names) + 3) // 4}"]
    lines += [
        f"#define {name} material[{k // 4}].{'xyzw'[k % 4]}"
        for k, name in enumerate(material_names)
    ]
    head = "#version 130\n" + "\n".join(lines) + "\n"

    def text(*names: str) -> str:
        return "".join((files / name).read_text(encoding="utf-8") for name in names)

    return Shader.make(
        Shader.SL_GLSL,
        "#version 130\n" + text("head_rotation.glsl", vertex),
        head + text("common.glsl", *parts, fragment),
    )


def set_shaders(
    node: NodePath,
    vertex: str,
    fragment: str,
    material_names: Sequence[str],
    parts: Sequence[str] = (),
    defines: Sequence[str] = (),
) -> None:
    """Draw ``node`` with two of ``shaders/``, in the labels pass with their classes (``IS``)."""
    node.setShader(make_shader(vertex, fragment, material_names, parts, defines=defines))
    tag = " ".join((vertex, fragment, *defines, *material_names))
    if tag not in label_shaders:
        label_shaders[tag] = make_shader(
            vertex, fragment, material_names, parts, labels=True, defines=defines
        )
    node.setTag(LABELS, tag)


def hide_from_labels(node: NodePath) -> None:
    """Keep ``node`` out of the labels and depth passes: what lies behind it is told instead."""
    node.hide(LABELS_MASK)


class Surface:
    """A mesh whose columns are written once or every frame.

    ``triangles`` (M, 3) into N rows; ``fixed`` maps column names to values (N, width), ``moving``
    column names to widths.
    """

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
        self.node = self.add_node(name, triangles)

    def add_node(self, name: str, triangles: NDArray[np.int32]) -> NodePath:
        """A node that draws ``triangles`` (M, 3) of the same rows, which move with these."""
        primitive = GeomTriangles(Geom.UHStatic)
        primitive.setIndexType(GeomEnums.NTUint32)
        indices = primitive.modifyVertices()
        indices.setNumRows(triangles.size)
        indices.modifyHandle().copyDataFrom(np.ascontiguousarray(triangles, np.uint32).tobytes())
        geom = Geom(self._data)
        geom.addPrimitive(primitive)
        node = GeomNode(name)
        node.addGeom(geom)
        # Vertices move every frame; without this their bounds would be worked out each time.
        node.setBounds(OmniBoundingVolume())
        node.setFinal(True)
        return NodePath(node)

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
        handle = self._data.modifyArrayHandle(0)
        handle.copyDataFrom(np.ascontiguousarray(table, np.float32).data)


def make_texture(name: str, picture: NDArray[np.uint8], repeat: bool = False) -> Texture:
    """A texture from (H, W) or (H, W, 4) uint8, row 0 at the top."""
    texture = Texture(name)
    height, width = picture.shape[:2]
    if picture.ndim == 2:
        texture.setup2dTexture(width, height, Texture.TUnsignedByte, Texture.FRed)
        data = picture[::-1]
    else:
        texture.setup2dTexture(width, height, Texture.TUnsignedByte, Texture.FRgba)
        data = picture[::-1][..., [2, 1, 0, 3]]  # Panda3D keeps BGRA
    texture.setRamImage(np.ascontiguousarray(data).tobytes())
    texture.setMinfilter(SamplerState.FTLinearMipmapLinear)
    texture.setMagfilter(SamplerState.FTLinear)
    wrap = SamplerState.WMRepeat if repeat else SamplerState.WMClamp
    texture.setWrapU(wrap)
    texture.setWrapV(wrap)
    return texture
