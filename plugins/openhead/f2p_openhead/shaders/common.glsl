// Light of every surface: directions to the lights, linear colours.
uniform vec3 key; uniform vec3 fill; uniform vec3 key_colour; uniform vec3 fill_colour;
uniform vec3 ground_colour; uniform vec3 sky_colour;
vec3 sky(vec3 n) { return mix(ground_colour, sky_colour, n.y * 0.5 + 0.5); }
vec3 linear(vec3 c) { return pow(c, vec3(2.2)); }
vec4 display(vec3 c) { c = max(c, vec3(0.0)); c = c / (1.0 + 0.12 * c * c); return vec4(pow(c, vec3(1.0 / 2.2)), 1.0); }
// A shader of the labels pass writes the class of the face parser and returns.
#ifdef LABELS
#define IS(label) { colour = vec4((label) / 255.0, 0.0, 0.0, 1.0); return; }
#else
#define IS(label)
#endif
