"""Mesh as a Panda3D node, with fixed and dynamic vertex columns; shaders and textures."""

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

LABELS = "labels"  # tag of nodes; the labels camera selects the label shader by its value
LABELS_MASK = BitMask32.bit(1)
label_shaders: dict[str, Shader] = {}  # tag value -> shader


def make_shader(
    vertex: str,
    fragment: str,
    material_names: Sequence[str],
    parts: Sequence[str] = (),
    *,
    labels: bool = False,
    defines: Sequence[str] = (),
) -> Shader:
    """Build a shader from two files of ``shaders/``.

    Each material name becomes a macro for its component of the uniform ``material``.

    Args:
        vertex, fragment: file names; ``head_rotation.glsl`` is put before the vertex shader,
            ``common.glsl`` and ``parts`` before the fragment shader.
        material_names: names of the packed material values.
        labels: build the shader of the labels pass, which writes classes instead of colours.
        defines: macros of the fragment shader.
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
    """Set the shaders of ``node`` for the color pass and, by tag, for the labels pass."""
    node.setShader(make_shader(vertex, fragment, material_names, parts, defines=defines))
    tag = " ".join((vertex, fragment, *defines, *material_names))
    if tag not in label_shaders:
        label_shaders[tag] = make_shader(
            vertex, fragment, material_names, parts, labels=True, defines=defines
        )
    node.setTag(LABELS, tag)


def hide_from_labels(node: NodePath) -> None:
    """Hide ``node`` in the labels and depth passes."""
    node.hide(LABELS_MASK)


class Surface:
    """A mesh with vertex columns that are constant or change with the pose.

    Args:
        triangles: (M, 3) of N rows.
        fixed: column name -> values (N, width).
        moving: column name -> width.
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
        """Make a node that draws other ``triangles`` (M, 3) of the same vertices."""
        primitive = GeomTriangles(Geom.UHStatic)
        primitive.setIndexType(GeomEnums.NTUint32)
        indices = primitive.modifyVertices()
        indices.setNumRows(triangles.size)
        indices.modifyHandle().copyDataFrom(np.ascontiguousarray(triangles, np.uint32).tobytes())
        geom = Geom(self._data)
        geom.addPrimitive(primitive)
        node = GeomNode(name)
        node.addGeom(geom)
        # Infinite bounds: Panda3D would recompute them after every write.
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
        """Write new values of the moving columns, in the order of their declaration."""
        table = np.concatenate(columns, 1) if len(columns) > 1 else columns[0]
        handle = self._data.modifyArrayHandle(0)
        handle.copyDataFrom(np.ascontiguousarray(table, np.float32).data)


def make_texture(name: str, picture: NDArray[np.uint8], repeat: bool = False) -> Texture:
    """Make a texture from (H, W) or (H, W, 4) uint8, row 0 at the top."""
    texture = Texture(name)
    height, width = picture.shape[:2]
    if picture.ndim == 2:
        texture.setup2dTexture(width, height, Texture.TUnsignedByte, Texture.FRed)
        data = picture[::-1]
    else:
        texture.setup2dTexture(width, height, Texture.TUnsignedByte, Texture.FRgba)
        data = picture[::-1][..., [2, 1, 0, 3]]  # Panda3D stores BGRA
    texture.setRamImage(np.ascontiguousarray(data).tobytes())
    texture.setMinfilter(SamplerState.FTLinearMipmapLinear)
    texture.setMagfilter(SamplerState.FTLinear)
    wrap = SamplerState.WMRepeat if repeat else SamplerState.WMClamp
    texture.setWrapU(wrap)
    texture.setWrapV(wrap)
    return texture
