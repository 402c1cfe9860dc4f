uniform mat4 p3d_ModelViewProjectionMatrix; uniform float blush_height; uniform vec3 key; uniform vec3 fill;
in vec4 p3d_Vertex; in vec3 p3d_Normal; in vec3 rest; in vec2 baked; in vec2 regions; in vec4 beard;
// Per vertex, because they vary slowly: view and half vectors, and the light in cavities (rgb: by channel, w: occlusion).
out vec3 v_normal; out vec3 v_view; out vec3 v_half_key; out vec3 v_half_fill; out vec3 v_rest; out float v_hairline; out vec4 v_cavity; out vec4 v_skin_mask; out vec4 v_makeup_mask; out vec2 v_regions; out vec4 v_beard;
float bump(vec2 p, vec2 at, vec2 size) { vec2 q = (p - at) / size; return exp(-dot(q, q)); }
void main() {
    vec3 place = rotated(p3d_Vertex.xyz);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(place, 1.0);
    v_normal = rotated_direction(p3d_Vertex.xyz, p3d_Normal); v_rest = rest; v_hairline = baked.y;
    v_view = normalize(vec3(0.0, 0.0, 9.0) - place); v_half_key = normalize(key + v_view); v_half_fill = normalize(fill + v_view);
    v_cavity = vec4(pow(baked.xxx, vec3(0.95, 1.30, 1.38)), baked.x); v_regions = regions; v_beard = beard;
    // Smooth masks, per vertex. v_skin_mask: rosy parts, under the eyes, philtrum, highlights.
    // v_makeup_mask: blusher, contour, front, height over the collar.
    vec2 q = vec2(abs(rest.x), rest.y);
    float front = smoothstep(-0.75, -0.2, rest.z);
    // Cheeks, nose and ears are redder, the forehead is yellower, chin and jaw are paler.
    v_skin_mask.x = front * (bump(q, vec2(0.36, -0.33), vec2(0.26, 0.22)) + 0.8 * bump(q, vec2(0.0, -0.33), vec2(0.13, 0.1)) + 0.35 * bump(q, vec2(0.0, -0.95), vec2(0.2, 0.12)) - 0.35 * bump(q, vec2(0.0, 0.42), vec2(0.5, 0.22)) + 0.3 * bump(q, vec2(0.27, 0.04), vec2(0.2, 0.06))) + step(0.62, q.x) * step(rest.z, -0.4) * 0.6;
    v_skin_mask.y = bump(q, vec2(0.25, -0.15), vec2(0.15, 0.06)) + 0.5 * bump(q, vec2(0.15, -0.06), vec2(0.06, 0.08));
    v_skin_mask.z = 0.5 * bump(q, vec2(0.0, -0.49), vec2(0.035, 0.07)) - 0.22 * bump(q, vec2(0.065, -0.49), vec2(0.03, 0.07));
    v_skin_mask.w = bump(q, vec2(0.0, -0.22), vec2(0.05, 0.2)) + bump(q, vec2(0.42, -0.14), vec2(0.16, 0.07)) + 0.5 * bump(q, vec2(0.0, -0.53), vec2(0.1, 0.03));
    v_makeup_mask.x = front * bump(q, vec2(0.44, -0.25 + blush_height), vec2(0.20, 0.13));
    v_makeup_mask.y = front * exp(-pow((q.y + 0.36 + (0.62 - q.x) * 0.55) / 0.10, 2.0)) * smoothstep(0.28, 0.5, q.x);
    v_makeup_mask.z = front;
    // The collar is higher on the shoulders.
    v_makeup_mask.w = rest.y - 0.35 * smoothstep(0.3, 0.9, q.x);
}
