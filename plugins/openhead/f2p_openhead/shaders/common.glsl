// Light shared by every surface, in face coordinates; colours are linear.
const vec3 KEY = vec3(0.371, 0.464, 0.804);
const vec3 FILL = vec3(-0.743, 0.093, 0.663);
const vec3 KEY_COLOUR = vec3(0.80, 0.765, 0.72);
const vec3 FILL_COLOUR = vec3(0.17, 0.185, 0.21);
vec3 sky(vec3 n) { return mix(vec3(0.15, 0.135, 0.13), vec3(0.34, 0.345, 0.36), n.y * 0.5 + 0.5); }
vec3 linear(vec3 c) { return pow(c, vec3(2.2)); }
vec4 display(vec3 c) { c = max(c, vec3(0.0)); c = c / (1.0 + 0.12 * c * c); return vec4(pow(c, vec3(1.0 / 2.2)), 1.0); }
