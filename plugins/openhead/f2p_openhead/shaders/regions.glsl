// Features on the skin, for painting and for the labels pass.
// q is a position on the resting head in front view: (distance from the middle, height), decimetres.
uniform vec4 material[MATERIAL_SIZE]; uniform sampler2D brow_atlas; uniform vec4 brow_tile; uniform vec2 brow_rotation;  // atlas tile; cosine and sine of the tilt
// Opening between the lids: eye_span = middle and half width; lids = corner height, rise and fall from there.
uniform vec2 eye_span; uniform vec4 lids;

// Atlas coordinates of a position in the brow; outside the brow, the empty border of its tile.
vec2 brow_place(vec2 q) {
    // Brow coordinates: s from the inner end (0) to the tail (1), t from -1 to 1 across.
    vec2 from = q - vec2(0.085 + brow_x, 0.148 + brow_y);
    from = vec2(dot(from, brow_rotation), dot(from, vec2(-brow_rotation.y, brow_rotation.x)));
    float s = from.x / (0.43 * brow_length);
    float peak = 0.55 + brow_peak;
    float rise = s < peak ? s / peak : 1.0 - (s - peak) / max(1.0 - peak, 0.1);
    float middle = brow_arch * (sin(clamp(rise, 0.0, 1.0) * 1.5708) - 0.4) + (brow_tail - 0.035) * smoothstep(0.45, 1.1, s) * 1.3;
    float t = (from.y - middle) / (0.115 * brow_thick);
    return brow_tile.xy + clamp(vec2((s + 0.1) / 1.2, (t + 1.0) / 2.0), 0.004, 0.996) * brow_tile.zw;
}

// Coverage of the brow's hairs, 0 to 1.
float brow(vec2 q) {
    return clamp(texture(brow_atlas, brow_place(q)).r * brow_density, 0.0, 1.0);
}

// Coverage of the brow without single hairs.
float brow_shape(vec2 q) {
    return textureLod(brow_atlas, brow_place(q), 2.5).r;
}

// The nose of the face parser: bridge, tip and wings.
bool nose(vec2 q, float z) {
    float half_width = q.y > -0.28 ? mix(0.095, 0.07, smoothstep(-0.28, -0.05, q.y)) : mix(0.165, 0.095, smoothstep(-0.36, -0.24, q.y));
    return q.x < half_width && q.y < -0.02 && q.y > -0.475 && z > 0.0;
}

#ifdef LABELS
// Class of the skin at a position of the resting head (list: docs/reference/protocol.md). regions: weights in the face and in the
// inside of the mouth; m: lip masks; hairy: tinted scalp; cloth: clothes.
float skin_class(vec3 rest, vec2 regions, vec2 m, bool hairy, bool cloth) {
    vec2 q = vec2(abs(rest.x), rest.y);
    bool front = rest.z > -0.3;
#ifdef PAINT_MOUTH
    if (regions.y > 0.55) return 8.0;
#endif
#ifdef PAINT_CLOTH
    if (cloth) return 0.0;
#endif
#ifdef PAINT_SCALP
    if (hairy) return 10.0;
#endif
#ifdef PAINT_LIPS
    if (front && m.r > 0.5) return m.g > 0.5 ? 7.0 : 9.0;
#endif
#ifdef PAINT_BROW
    if (front && brow_shape(q) > 0.35) return rest.x > 0.0 ? 2.0 : 3.0;
#endif
    if (front && nose(q, rest.z)) return 6.0;
    // As in the Helen data set, ears and neck are background; a bald skull is skin.
    return regions.x > 0.5 || q.y > 0.35 ? 1.0 : 0.0;
}
#endif
