uniform vec4 look[LOOK_SIZE];
in vec2 v_strip; out vec4 colour;
void main() {
    // strip.x runs along the lid in hairs, strip.y from root (0) to tip (1).
    float hair = abs(fract(v_strip.x + 0.35 * v_strip.y) - 0.5) * 2.0;
    float tip = v_strip.y / max(lash_length, 0.05);
    float a = smoothstep(0.25, 0.6, hair * (1.15 - tip)) * step(tip, 1.0);
    a = max(a, smoothstep(0.28, 0.0, v_strip.y) * 0.8) * (0.25 + 0.75 * lash_density);
    colour = vec4(0.06, 0.045, 0.04, a);
}
