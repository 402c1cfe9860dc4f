// inside: tooth number from the middle, height from its tip to the gum, part (0 upper teeth, 1 lower teeth, 2 tongue), depth.
uniform float gap;  // distance between the lips, decimetres
in vec3 v_normal; in vec3 v_place; in vec4 v_inside; out vec4 colour;
void main() {
    float part = floor(v_inside.z + 0.5), tooth = floor(v_inside.x), at = fract(v_inside.x) * 2.0 - 1.0;
    float side = at * at, corner = side * side;
    // Round tips with small, dark gaps between them. A discard there has no antialiasing.
    float tip = 0.10 * corner * corner + (tooth == 2.0 ? 0.0 : 0.015 + 0.025 * step(0.5, tooth));
    float edge = part > 1.5 ? 1.0 : smoothstep(tip - 0.05, tip + 0.05, v_inside.y);
    IS(8.0)
    vec3 n = normalize(v_normal), view = normalize(vec3(0.0, 0.0, 9.0) - v_place);
    if (dot(n, view) < 0.0) n = -n;
    vec3 gum = vec3(0.50, 0.18, 0.17), tongue = vec3(0.46, 0.15, 0.15);
    vec3 enamel = mix(vec3(0.90, 0.87, 0.81), vec3(0.80, 0.72, 0.60), smoothstep(0.2, 0.6, v_inside.y));
    enamel *= (1.0 - 0.2 * corner * corner * corner) * (1.0 - 0.08 * step(1.5, tooth));
    vec3 c = part > 1.5 ? tongue : mix(enamel, gum, smoothstep(-0.02, 0.02, v_inside.y - 0.60 + 0.12 * side));
    c *= mix(0.6, 1.0, edge);
    // Less light at depth, and almost none when the lips meet.
    float deep = mix(1.0, 0.12, smoothstep(0.0, 0.75, v_inside.w)) * mix(0.10, 0.85, smoothstep(0.0, 0.06, gap));
    float wet = pow(max(dot(n, normalize(key + view)), 0.0), 60.0);
    vec3 lit = c * (key_colour * max(dot(n, key) * 0.6 + 0.4, 0.0) + fill_colour * max(dot(n, fill), 0.0) + sky(n)) + key_colour * wet * 0.2;
    colour = display(lit * deep);
}
