uniform vec4 material[MATERIAL_SIZE];
in vec3 v_strip; out vec4 colour;
const float RIM = 0.35;
void main() {
    // strip.x: hairs along the lid; strip.y: behind the rim (0) to the longest tip (1); strip.z: 1 on the upper lid.
    float upper = smoothstep(0.3, 0.7, v_strip.z);
    float tip = (v_strip.y - RIM) / ((1.0 - RIM) * mix(0.45, 1.0, upper) * max(lash_length, 0.05));
    float hair = abs(fract(v_strip.x * 0.8 + 0.6 * tip) - 0.5) * 2.0;
    float thin = 1.1 - tip;
    // Hairs thinner than a pixel are drawn as their mean coverage.
    float fine = smoothstep(0.25, 0.7, fwidth(v_strip.x * 0.8));
    float a = mix(smoothstep(0.25, 0.65, hair * thin), clamp(0.62 * thin, 0.0, 0.75), fine) * smoothstep(1.05, 0.75, tip);
    a *= mix(0.25 + 0.35 * lash_density, 0.30 + 0.70 * lash_density, upper);
    // The roots form a dark line along the rim.
    float root = smoothstep(mix(0.22, 0.45, upper), -0.05, tip) * mix(0.30, 0.92, upper) * (0.55 + 0.45 * lash_density);
    colour = vec4(0.055, 0.04, 0.035, max(a, root) * step(v_strip.y, 1.6));
}
