in vec3 v_colour; in vec2 v_strand;
out vec4 colour;
void main() {
    // The first pass draws opaque pixels, a second pass (EDGE) blends the partly covered ones.
    // A ribbon is a lock of several strands: streaks in its colour, and split tips.
    float streak = abs(fract(v_strand.x * 2.3 + 0.37) - 0.5);
    float cover = v_strand.y * mix(0.5 + 2.0 * streak, 1.0, min(v_strand.y * 0.6, 1.0));
    float a = clamp((1.0 - abs(v_strand.x)) * cover, 0.0, 1.0);
    a = a * a * (3.0 - 2.0 * a);
#ifdef LABELS
    if (a < 0.5) discard;
#endif
    IS(10.0)
#ifndef EDGE
    if (a < 0.99) discard;
#endif
    colour = vec4(v_colour * (0.935 + 0.22 * streak), a);
}
