uniform vec4 look[LOOK_SIZE];
uniform vec3 iris_colour; uniform vec4 lids;  // the opening's top and bottom above the eye's centre, inner and outer width
uniform float outward;                        // +1 for the subject's left eye
in vec3 v_unit; in vec3 v_place; in vec3 v_out; out vec4 colour;
void main() {
    vec3 u = normalize(v_unit), o = normalize(v_out);
    // Eyes look very slightly inward, as they do when they look at a camera.
    vec3 gaze = normalize(vec3(-0.03 * outward, 0.0, 1.0));
    float r = acos(clamp(dot(u, gaze), -1.0, 1.0)) / iris_size / 1.02;
    vec2 p = u.xy - gaze.xy * u.z;
    float a = atan(p.y, p.x);
    vec3 white = vec3(0.86, 0.84, 0.82) * sclera;
    float veins = 0.5 + 0.5 * sin(a * 23.0 + 4.0 * sin(a * 7.0));
    white = mix(white, white * vec3(1.0, 0.62, 0.58), sclera_red * (0.5 + 0.5 * veins) * smoothstep(0.85, 1.5, r));
    float fibre = 0.78 + 0.22 * sin(a * 37.0 + 3.0 * sin(a * 11.0) + 6.0 * r);
    vec3 iris = iris_colour * fibre * mix(1.25, 0.85, smoothstep(0.3, 0.95, r));
    iris = mix(iris, iris_colour * vec3(1.5, 1.15, 0.7), 0.35 * smoothstep(0.75, 0.45, r));
    iris *= 1.0 - (0.25 + 0.65 * limbal) * smoothstep(0.72, 1.0, r);
    float pupil = smoothstep(pupil_size + 0.04, pupil_size - 0.04, r);
    iris = mix(iris, vec3(0.008), pupil);
    vec3 c = mix(iris, white, smoothstep(0.95, 1.07, r));
    // Shade from the upper lid and in the corners.
    float y = v_place.y - lids.y;
    float lid = smoothstep(0.0, 0.085, lids.x - v_place.y);
    float corner = smoothstep(1.0, 0.45, abs(u.x));
    float shade = mix(0.30, 1.0, lid) * mix(0.45, 1.0, corner) * (0.75 + 0.25 * smoothstep(0.0, 0.05, y));
    vec3 lit = c * shade * (0.50 + 0.55 * max(dot(o, key), 0.0));
    vec3 view = vec3(0.0, 0.0, 1.0);
    float hk = max(dot(o, normalize(key + view)), 0.0);
    lit += vec3(0.9) * smoothstep(0.9935, 0.9968, hk) * mix(0.5, 1.0, lid);
    lit += vec3(0.10) * pow(max(dot(o, normalize(fill + view)), 0.0), 60.0);
    colour = display(lit);
}
