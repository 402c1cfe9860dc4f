"""Numbers and names of MediaPipe's landmarks and expression coefficients.

Sources: MediaPipe's ``face_mesh_connections.py`` and ``face_blendshapes_graph.cc`` (Apache-2.0).
Left and right are the subject's.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BLENDSHAPE_POINTS", "EXPRESSIONS", "EYE_CORNERS", "REGIONS"]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: The contours of each part, and the points of the iris with their eye.
REGIONS: Mapping[str, tuple[int, ...]] = {
    "left_eye": _numbers(
        "263 249 390 373 374 380 381 382 362 466 388 387 386 385 384 398 473 474 475 476 477"
    ),
    "right_eye": _numbers(
        "33 7 163 144 145 153 154 155 133 246 161 160 159 158 157 173 468 469 470 471 472"
    ),
    "left_brow": _numbers("276 283 282 295 285 300 293 334 296 336"),
    "right_brow": _numbers("46 53 52 65 55 70 63 105 66 107"),
    "nose": _numbers(
        "168 6 197 195 5 4 1 19 94 2 98 97 326 327 294 278 344 440 275 45 220 115 48 64"
    ),
    "lips": _numbers(
        "61 146 91 181 84 17 314 405 321 375 291 185 40 39 37 0 267 269 270 409 "
        "78 95 88 178 87 14 317 402 318 324 308 191 80 81 82 13 312 311 310 415"
    ),
    "jaw": _numbers(
        "454 323 361 288 397 365 379 378 400 377 152 148 176 149 150 136 172 58 132 93 234"
    ),
    "forehead": _numbers("10 338 297 332 284 251 389 356 127 162 21 54 103 67 109"),
}

#: Outer and inner corner of the eye on the picture's right, then of the eye on its left.
EYE_CORNERS = (263, 362, 33, 133)

#: Landmarks that the expression network reads, in its order.
BLENDSHAPE_POINTS = _numbers(
    "0 1 4 5 6 7 8 10 13 14 17 21 33 37 39 40 46 52 53 54 55 58 61 63 65 66 67 70 78 80 81 82 84 "
    "87 88 91 93 95 103 105 107 109 127 132 133 136 144 145 146 148 149 150 152 153 154 155 157 "
    "158 159 160 161 162 163 168 172 173 176 178 181 185 191 195 197 234 246 249 251 263 267 269 "
    "270 276 282 283 284 285 288 291 293 295 296 297 300 308 310 311 312 314 317 318 321 323 324 "
    "332 334 336 338 356 361 362 365 373 374 375 377 378 379 380 381 382 384 385 386 387 388 389 "
    "390 397 398 400 402 405 409 415 454 466 468 469 470 471 472 473 474 475 476 477"
)

#: Names of the coefficients, in the network's order: ARKit's names, except the first.
EXPRESSIONS = _names(
    "_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff "
    "cheekSquintLeft cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight "
    "eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight "
    "eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight "
    "mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel "
    "mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker "
    "mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft "
    "mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight "
    "noseSneerLeft noseSneerRight"
)
