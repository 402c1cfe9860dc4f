uniform vec4 material[MATERIAL_SIZE];
uniform vec3 iris_colour; uniform vec2 eye_span; uniform vec4 lids;  // opening between the lids, see regions.glsl
uniform float outward;                                             // 1 for the subject's left eye
in vec3 v_unit; in vec3 v_place; in vec3 v_out; out vec4 colour;
void main() {
    IS(outward > 0.0 ? 4.0 : 5.0)
    vec3 u = normalize(v_unit), o = normalize(v_out);
    // The gaze converges slightly, as on a camera.
    vec3 gaze = normalize(vec3(-0.03 * outward, 0.0, 1.0));
    float r = acos(clamp(dot(u, gaze), -1.0, 1.0)) / iris_size / 1.02;
    vec2 p = u.xy - gaze.xy * u.z;
    float a = atan(p.y, p.x);
    float s = (v_place.x - eye_span.x) / eye_span.y;
    float arch = pow(max(1.0 - s * s, 0.0), 0.65);
    float under = lids.x + lids.y * arch - v_place.y;         // below the upper lid
    float over = v_place.y - lids.x + lids.z * arch;          // above the lower lid
    float inner = smoothstep(0.55, 1.0, -s * outward);

    vec3 white = vec3(0.80, 0.765, 0.74) * sclera;
    float veins = 0.5 + 0.25 * sin(a * 9.0 + 4.0 * sin(a * 5.0)) + 0.25 * sin(a * 4.0 + 2.0);
    white *= mix(vec3(1.0), vec3(0.95, 0.55, 0.50), clamp(sclera_red * (0.40 + 0.65 * veins) * smoothstep(0.90, 1.5, r) + 0.55 * inner, 0.0, 1.0));
    // Iris: fibres, a lighter collarette around the pupil, a dark limbal ring.
    float fibre = 0.90 + 0.10 * sin(a * 29.0 + 3.0 * sin(a * 11.0) + 5.0 * r);
    vec3 iris = iris_colour * fibre * mix(1.30, 0.80, smoothstep(0.45, 0.95, r));
    iris = mix(iris, iris_colour * vec3(1.45, 1.10, 0.70), 0.45 * smoothstep(0.25, 0.0, r - pupil_size));
    iris *= 1.0 + 0.35 * smoothstep(0.4, -0.9, p.y / iris_size * 1.5);  // the cornea focuses light on the opposite side
    float ring = smoothstep(mix(0.95, 0.50, limbal), mix(1.05, 0.92, limbal), r);
    iris *= 1.0 - (0.10 + 0.85 * limbal) * ring;
    iris = mix(iris, vec3(0.006), smoothstep(0.06, -0.06, r - pupil_size));
    vec3 c = mix(iris, white, smoothstep(0.92, 1.07, r));

    // Shadow of the upper lid and its lashes, a weaker one of the lower lid, and darker corners.
    float shade = mix(0.30, 1.0, smoothstep(-0.006, 0.040 + 0.012 * lash_length, under)) * mix(0.62, 1.0, smoothstep(-0.01, 0.022, over));
    shade *= mix(0.55, 1.0, smoothstep(1.05, 0.55, abs(s)));
    vec3 lamp = key_colour / vec3(0.80, 0.765, 0.72);  // 1 in the standard light
    vec3 lit = c * shade * (0.28 + lamp * (0.22 + 0.55 * max(dot(o, key), 0.0)));
    vec3 view = vec3(0.0, 0.0, 1.0);
    float hk = max(dot(o, normalize(key + view)), 0.0);
    lit += lamp * vec3(0.85) * smoothstep(0.990, 0.9985, hk) * mix(0.55, 1.0, smoothstep(0.0, 0.03, under));
    lit += vec3(0.09) * pow(max(dot(o, normalize(fill + view)), 0.0), 60.0);
    colour = display(lit);
}
