uniform vec3 hair_colour; uniform float grey;
in vec3 v_tangent; in vec3 v_normal; in vec3 v_strand; in vec3 v_place;
out vec4 colour;
float streak(float x) { return 0.5 + 0.25 * sin(x * 9.0 + v_strand.z * 40.0) + 0.25 * sin(x * 21.0 + v_strand.z * 90.0); }
void main() {
    vec3 t = normalize(v_tangent), n = normalize(v_normal), view = normalize(vec3(0.0, 0.0, 9.0) - v_place);
    float across = abs(v_strand.x), along = v_strand.y;
    // Ribbons fray towards their edges and tips.
    float a = 1.0 - smoothstep(0.55, 1.0, across + 0.35 * (streak(v_strand.x * 1.7) - 0.5));
    a *= 1.0 - smoothstep(0.82, 1.0, along + 0.2 * (streak(v_strand.x) - 0.5));
    if (a < 0.5) discard;
    float s = streak(v_strand.x);
    vec3 c = hair_colour * (0.72 + 0.56 * s) * (0.82 + 0.36 * fract(v_strand.z * 7.31));
    c = mix(c, vec3(dot(c, vec3(0.33))) * 1.6 + 0.12, grey * step(fract(v_strand.z * 13.7), grey * 0.9));
    float deep = mix(0.45, 1.0, smoothstep(0.0, 0.3, along));
    // Kajiya and Kay's hair: diffuse by the sine to the tangent, gloss along a cone.
    float tl = dot(t, key), tv = dot(t, view);
    float sine = sqrt(max(1.0 - tl * tl, 0.0));
    float facing = clamp(dot(n, key) * 0.6 + 0.5, 0.0, 1.0);
    vec3 lit = c * deep * (key_colour * sine * facing + 0.6 * fill_colour + sky(n) * 0.85);
    float gloss = pow(max(sine * sqrt(max(1.0 - tv * tv, 0.0)) - tl * tv, 0.0), 34.0);
    lit += (0.05 + 0.5 * c) * gloss * facing * deep * (0.5 + 0.8 * s);
    colour = display(lit);
}
