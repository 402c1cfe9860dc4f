// Where parts of the face lie on the skin, for what is painted and for the labels pass.
// q is a place on the resting head, seen from the front: (distance from the middle, height), decimetres.
uniform vec4 look[LOOK_SIZE]; uniform sampler2D brow_atlas; uniform vec4 brow_tile;
// The opening between the lids: across = middle and half width, lids = height of the corners, rise and fall from there.
uniform vec2 across; uniform vec4 lids;

// How much of the skin a brow's hairs cover, 0 to 1.
float brow(vec2 q) {
    // Brow coordinates: s from the inner end (0) to the tail (1), t from -1 to 1 across.
    vec2 from = q - vec2(0.085 + brow_x, 0.148 + brow_y);
    float turn = brow_tilt + 0.10;
    from = vec2(cos(turn) * from.x + sin(turn) * from.y, -sin(turn) * from.x + cos(turn) * from.y);
    float s = from.x / (0.43 * brow_length);
    float peak = 0.55 + brow_peak;
    float rise = s < peak ? s / peak : 1.0 - (s - peak) / max(1.0 - peak, 0.1);
    float middle = brow_arch * (sin(clamp(rise, 0.0, 1.0) * 1.5708) - 0.4) + (brow_tail - 0.035) * smoothstep(0.45, 1.1, s) * 1.3;
    float t = (from.y - middle) / (0.115 * brow_thick);
    if (s < -0.09 || s > 1.09 || abs(t) > 0.98 || q.x < 0.005) return 0.0;
    vec2 uv = brow_tile.xy + vec2((s + 0.1) / 1.2, (t + 1.0) / 2.0) * brow_tile.zw;
    return clamp(texture(brow_atlas, uv).r * brow_density, 0.0, 1.0);
}

