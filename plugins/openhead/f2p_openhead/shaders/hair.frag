in vec3 v_colour; in vec2 v_strand;
out vec4 colour;
void main() {
    // The first pass draws opaque pixels, a second pass (EDGE) blends the partly covered ones.
    float a = clamp((1.0 - abs(v_strand.x)) * v_strand.y, 0.0, 1.0);
    a = a * a * (3.0 - 2.0 * a);
#ifdef LABELS
    if (a < 0.5) discard;
#endif
    IS(10.0)
#ifndef EDGE
    if (a < 0.99) discard;
#endif
    colour = vec4(v_colour * (1.0 - 0.09 * v_strand.x * v_strand.x), a);
}
