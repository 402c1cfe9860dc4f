// masks: lips, position across the lips, hair noise; broad: wrinkles, freckles, blotches, broad variation; detail: pores ... hair noise.
uniform sampler2D masks; uniform sampler2D broad; uniform sampler2D detail;
uniform vec3 skin_colour; uniform vec3 hair_colour; uniform vec3 brow_colour; uniform vec3 lip_natural;
uniform vec3 lipstick; uniform vec3 shadow_colour;
uniform vec4 lip_a; uniform vec4 lip_b; uniform vec2 lip_c; uniform vec4 scalp_tint; uniform vec2 thinning; uniform vec4 beard_area; uniform float stubble;
#ifdef PAINT_BEARD
uniform vec3 beard_colour;
#endif
in vec3 v_normal; in vec3 v_view; in vec3 v_half_key; in vec3 v_half_fill; in vec3 v_rest; in float v_hairline; in vec4 v_cavity; in vec4 v_skin_mask; in vec4 v_makeup_mask; in vec2 v_regions; in vec4 v_beard;
out vec4 colour;
const float HALF = 1.3;
const vec3 CLOTH = vec3(0.045, 0.05, 0.06);

// Wrapped diffuse light with a red terminator (approximate subsurface scattering), and sky light.
vec3 diffuse(vec3 c, vec3 n) {
    float nk = dot(n, key), nf = dot(n, fill);
    vec3 wrap = vec3(0.34, 0.15, 0.10);
    vec3 light = key_colour * max((nk + wrap) / (1.0 + wrap), 0.0) + fill_colour * max((nf + 0.2) / 1.2, 0.0);
    vec3 cavity = v_cavity.rgb;
    return c * (light * mix(vec3(1.0), cavity, 0.75) + sky(n) * cavity);
}

#ifdef PAINT_DRESSED
void main() {
    IS(0.0)
    colour = display(diffuse(CLOTH, normalize(v_normal)));
}
#else
void main() {
    vec3 n = normalize(v_normal);
    vec2 map = v_rest.xy / HALF * 0.5 + 0.5;
#if defined(PAINT_LIPS) || defined(PAINT_SCALP)
    vec4 m = texture(masks, map);
#else
    const vec4 m = vec4(0.0);
#endif
    vec4 d = texture(broad, map);
    vec4 fine = texture(detail, map * 3.1 + v_rest.z);
    float front = v_makeup_mask.z;
    vec2 q = vec2(abs(v_rest.x), v_rest.y);
    float ao = v_cavity.w;

    // Pores and wrinkles are painted as shade, not as relief.
    float aged = clamp(age * 1.05 + wrinkles * 0.75 - 0.28, 0.0, 1.3) * front;
    float wrinkle = d.r * aged;
    vec3 c = skin_colour;
    float lum = dot(c, vec3(0.3, 0.6, 0.1));
    vec3 red = vec3(1.10, 0.86, 0.83), brown = vec3(0.86, 0.80, 0.76);
    float rosy = 0.35 + redness;
    c *= mix(vec3(1.0), red, clamp(rosy * v_skin_mask.x + 0.25 * redness, -0.5, 1.2));
    c *= mix(vec3(1.0), brown, (d.b - 0.5) * (0.5 + 1.1 * texture_amount) * (0.7 + 0.6 * aged));
    c *= 1.0 + (fine.r - 0.5) * (0.05 + 0.24 * texture_amount);
    c *= 1.0 + (d.a - 0.5) * 0.12;
    c *= mix(vec3(1.0), vec3(0.62, 0.45, 0.36), d.g * clamp(freckles, 0.0, 1.0) * front * smoothstep(0.02, 0.25, lum));
    c *= 1.0 - wrinkle * vec3(0.26, 0.32, 0.34);
    c *= mix(vec3(1.0), vec3(0.72, 0.62, 0.66), clamp(under_eye, 0.0, 1.0) * v_skin_mask.y);
#ifdef PAINT_LAUGH
    c *= 1.0 - clamp(laugh_shade, 0.0, 1.0) * 0.34 * exp(-pow((q.x - 0.20 - 0.24 * clamp((-0.36 - q.y) / 0.3, 0.0, 1.0)) / 0.03, 2.0)) * smoothstep(-0.72, -0.6, q.y) * smoothstep(-0.34, -0.44, q.y);
#endif
    c *= 1.0 - philtrum_shade * v_skin_mask.z;
    c *= 1.0 + 0.16 * highlight * v_skin_mask.w * front;
    c *= 1.0 - clamp(contour, 0.0, 1.0) * 0.42 * v_makeup_mask.y;
    vec3 rouge = vec3(0.66, 0.16, 0.17) * (0.35 + 0.9 * lum) ;
    c = mix(c, mix(c, rouge, 0.62), clamp(blush, 0.0, 1.0) * v_makeup_mask.x);

#ifdef PAINT_EYES
    // Around the eyes: up = height over the upper lid's rim, down = distance below the lower lid's.
    float along = (q.x - eye_span.x) / eye_span.y;
    float arch = pow(max(1.0 - along * along, 0.0), 0.65);
    float up = q.y - lids.x - lids.y * arch, down = lids.x - lids.z * arch - q.y;
    float near = smoothstep(1.22, 0.95, abs(along)), around = smoothstep(1.65, 0.85, abs(along)) * step(-0.05, up);
    float lid = around * (1.0 - smoothstep(0.02 + 0.035 * shadow_height, 0.05 + 0.085 * shadow_height, up));
    c = mix(c, shadow_colour * (0.30 + 0.9 * lum), clamp(shadow, 0.0, 1.0) * lid * 0.72);
    float fold = (up - 0.014 - 0.040 * arch) / 0.0125;
    c *= 1.0 - (0.04 + 0.66 * crease) * exp(-fold * fold) * near * step(-0.01, up);
    c *= 1.0 - 0.10 * smoothstep(0.05, 0.0, up) * near * step(-0.05, up);
    float upper = smoothstep(0.012 + 0.026 * liner_upper, 0.0, up) * step(-0.06, up);
    float lower = smoothstep(0.012 + 0.022 * liner_lower, 0.0, down) * step(-0.05, down);
    vec3 black = vec3(0.020, 0.014, 0.012);
    c = mix(c, black, max(upper * (0.18 + 0.74 * liner_upper), lower * (0.10 + 0.80 * liner_lower)) * near);

#endif

    // Lips: natural colour, then lipstick. lip_a = opacity, gloss, matte, inner; lip_b = soft, overline, liner, upper - lower; lip_c = metallic, centre.
#ifdef PAINT_LIPS
    float over = lip_b.y * 0.32;
    float place = (m.g - 0.5) * 4.0;
    float edge = mix(0.06, 0.49, clamp(lip_soft, 0.0, 1.0));
    float lips = smoothstep(0.5 - edge, 0.5 + edge, m.r);
    c = mix(c, lip_natural * (1.0 - lip_gradient * 0.8 * (1.0 - abs(place))), lips * 0.97);
    c *= 1.0 - 0.42 * (1.0 - lip_soft) * exp(-pow((m.r - 0.5) / 0.22, 2.0)) * smoothstep(0.02, 0.2, m.r);
    float wide = lip_b.y > 0.0 ? max(m.r, 0.0) : m.r;
    float from = 0.5 - lip_b.y * 2.0;
    float painted = smoothstep(clamp(from - 0.14 - 0.3 * lip_b.x, 0.0, 1.0), clamp(from + 0.14 + 0.3 * lip_b.x, 0.02, 1.0), wide) * lip_a.x;
    painted *= mix(1.0, smoothstep(0.95, 0.15, abs(place)), max(lip_a.w, lip_b.x * 0.6));
    painted *= mix(1.0, smoothstep(-0.12, 0.12, place), max(lip_b.w, 0.0)) * mix(1.0, smoothstep(0.12, -0.12, place), max(-lip_b.w, 0.0));
    vec3 paint = lipstick;
    float border = exp(-pow((m.r - 0.5) / 0.28, 2.0)) * smoothstep(0.04, 0.2, m.r);
    paint *= 1.0 - lip_b.z * 0.62 * border;
    painted = max(painted, lip_b.z * border * 0.85);
    paint = mix(paint, paint * 1.2 + 0.18, lip_c.y * smoothstep(0.7, 0.1, abs(place)) * smoothstep(0.16, 0.03, q.x));
    c = mix(c, paint, clamp(painted, 0.0, 1.0));
    c *= 1.0 - lip_line * 0.85 * exp(-pow(place / 0.18, 2.0)) * lips;
    c *= 1.0 - 0.10 * lips * (fine.a - 0.5);
#else
    const float lips = 0.0;
#endif

    // Scalp. scalp_tint = tint above, tint below, the heights between which it changes; thinning = receding, bald crown.
#ifdef PAINT_SCALP
    vec3 dome = v_rest - vec3(0.0, 1.0, -0.75);
    float line = v_hairline - thinning.x * exp(-pow((q.x - 0.33) / 0.24, 2.0)) * smoothstep(-0.5, -0.3, v_rest.z);
    float bare = length(vec3(dome.x, min(dome.y, 0.0), min(dome.z, 0.0)));
    line = min(line, thinning.y > 0.0 ? (bare - thinning.y) * 0.7 : line);
    float grown = mix(scalp_tint.y, scalp_tint.x, smoothstep(scalp_tint.z, scalp_tint.w, v_rest.y));
#else
    const float line = -1.0, grown = 0.0;
#endif
    IS(skin_class(v_rest, v_regions, m.rg, line > 0.06 && grown > 0.45, v_makeup_mask.w < -1.23))
#ifdef PAINT_SCALP
    float scalp = smoothstep(-0.05 + 0.02 * grown, 0.17 - 0.05 * grown, line + (m.b - 0.5) * 0.06) * grown;
    c = mix(c, hair_colour * (0.66 + 0.14 * fine.a), clamp(scalp, 0.0, 1.0));
#else
    const float scalp = 0.0;
#endif
#ifdef PAINT_BEARD
    // Stubble, also below longer hairs.
    vec4 area = v_beard * beard_area;
    float bearded = max(max(area.x, area.y), max(area.z, area.w)) * stubble;
    c = mix(c, beard_colour * 0.84, clamp(bearded * (0.88 + 0.2 * fine.a), 0.0, 0.97));
#endif
#ifdef PAINT_BROW
    float hairs = brow(q) * front;
    c = mix(c, brow_colour, hairs * 0.93);
#endif
    // Clothes: a dark top below the neck.
#ifdef PAINT_CLOTH
    float cloth = smoothstep(-1.20, -1.26, v_makeup_mask.w);
    c = mix(c, CLOTH, cloth);
#else
    const float cloth = 0.0;
#endif

    // Inside of the mouth.
#ifdef PAINT_MOUTH
    c = mix(c, vec3(0.30, 0.075, 0.07), smoothstep(0.35, 0.75, v_regions.y));
#endif

    // Light: diffuse and two specular lobes.
    vec3 lit = diffuse(c, n);
    float gloss = (1.0 - scalp) * (1.0 - cloth);
    float nv = max(dot(n, v_view), 0.0), away = 1.0 - nv, away3 = away * away * away;
    float fresnel = 0.04 + 0.5 * away3 * away * away;
    float hk = max(dot(n, v_half_key), 0.0), hf = max(dot(n, v_half_fill), 0.0);
    float plane = 1.0 + highlight * 1.6 * v_skin_mask.w;
    float h2 = hk * hk, h4 = h2 * h2, h8 = h4 * h4, h16 = h8 * h8, h32 = h16 * h16, h64 = h32 * h32;
    float skin_spec = (0.09 + shine * 0.5) * plane * (h8 * h2 * 0.16 + h32 * 0.22 + h64 * 0.3 * shine) + shine * 0.1 * hf * hf * hf * hf * hf * hf;
#ifdef PAINT_LIPS
    float lip_gloss = lips * (0.05 + 1.3 * lip_shine + lip_a.y * 1.1) * (1.0 - 0.85 * lip_a.z);
    float lip_spec = lip_gloss * (h32 * h8 * 0.35 + h64 * h64 * h32 * 0.7) + lips * lip_c.x * h8 * h4 * 0.5;
#else
    const float lip_spec = 0.0;
#endif
    lit += key_colour * ao * gloss * (skin_spec * (1.0 - lips) * (0.75 + 0.5 * fine.r) + lip_spec) * (0.6 + 4.0 * fresnel);
    lit += c * 0.12 * away3 * gloss;
    colour = display(lit);
}
#endif
