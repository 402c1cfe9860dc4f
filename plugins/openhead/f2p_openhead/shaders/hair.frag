uniform vec3 hair_colour; uniform float grey; uniform float edge;
in vec3 v_tangent; in vec3 v_normal; in vec4 v_strand; in vec3 v_place;
out vec4 colour;
void main() {
    // strand = across the lock [-1, 1], along it [0, 1], brightness, cover.
    vec3 t = normalize(v_tangent), n = normalize(v_normal), view = normalize(vec3(0.0, 0.0, 9.0) - v_place);
    float across = v_strand.x, shade = v_strand.z;
    // Whole pixels first; what covers a part is blended in a second pass (edge = 1).
    float a = clamp((1.0 - abs(across)) * 1.9 * v_strand.w * min(abs(dot(n, view)) * 3.5 + 0.1, 1.0), 0.0, 1.0);
    a = a * a * (3.0 - 2.0 * a);
    if (a < 0.99 && edge < 0.5) discard;
    vec3 c = hair_colour * (1.0 - 0.16 * across * across) * shade;
    c = mix(c, vec3(dot(c, vec3(0.33))) * 1.4 + 0.10 * shade, grey);
    // Kajiya and Kay's hair: diffuse by the sine to the tangent, gloss along a cone, in a band.
    float tl = dot(t, key), tv = dot(t, view);
    float sine = sqrt(max(1.0 - tl * tl, 0.0));
    float facing = clamp(dot(n, key) * 0.6 + 0.5, 0.0, 1.0);
    vec3 lit = c * (key_colour * sine * facing * 1.25 + fill_colour * (0.5 + 0.5 * max(dot(n, fill), 0.0)) + sky(n) * 1.05);
    float cone = max(sine * sqrt(max(1.0 - tv * tv, 0.0)) - tl * tv, 0.0);
    float c2 = cone * cone, c4 = c2 * c2, c8 = c4 * c4, c16 = c8 * c8;
    float gloss = facing * shade * shade;
    lit += key_colour * gloss * ((0.03 + 0.45 * c) * c16 + 0.5 * c * c4);
    colour = vec4(display(lit).rgb, a);
}
