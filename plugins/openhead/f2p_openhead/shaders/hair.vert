// Lighting per vertex: hair vertices are dense, and fragments stay cheap.
uniform mat4 p3d_ModelViewProjectionMatrix;
uniform vec3 key; uniform vec3 fill; uniform vec3 key_colour; uniform vec3 fill_colour;
uniform vec3 ground_colour; uniform vec3 sky_colour;
uniform vec3 hair_colour; uniform float grey;
in vec4 p3d_Vertex; in vec3 tangent; in vec3 p3d_Normal; in vec4 strand;
out vec3 v_colour; out vec2 v_strand;
void main() {
    vec3 place = rotated(p3d_Vertex.xyz);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(place, 1.0);
    vec3 t = normalize(rotated_direction(p3d_Vertex.xyz, tangent)), n = normalize(rotated_direction(p3d_Vertex.xyz, p3d_Normal));
    vec3 view = normalize(vec3(0.0, 0.0, 9.0) - place);
    // strand = across the ribbon [-1, 1], along it [0, 1], brightness, coverage.
    float shade = strand.z;
    vec3 c = hair_colour * shade;
    c = mix(c, vec3(dot(c, vec3(0.33))) * 1.4 + 0.10 * shade, grey);
    // Kajiya-Kay model: diffuse by the sine of the angle to the tangent, specular along a cone.
    float tl = dot(t, key), tv = dot(t, view);
    float sine = sqrt(max(1.0 - tl * tl, 0.0));
    float facing = clamp(dot(n, key) * 0.6 + 0.5, 0.0, 1.0);
    vec3 around = mix(ground_colour, sky_colour, n.y * 0.5 + 0.5);
    vec3 lit = c * (key_colour * sine * facing * 1.25 + fill_colour * (0.5 + 0.5 * max(dot(n, fill), 0.0)) + around * 1.05);
    float cone = max(sine * sqrt(max(1.0 - tv * tv, 0.0)) - tl * tv, 0.0);
    float c2 = cone * cone, c4 = c2 * c2, c8 = c4 * c4, c16 = c8 * c8;
    lit += key_colour * facing * shade * shade * ((0.045 + 0.6 * c) * c16 + 0.4 * c * c4);
    // Tone mapping as in common.glsl.
    lit = max(lit, vec3(0.0));
    v_colour = pow(lit / (1.0 + 0.12 * lit * lit), vec3(1.0 / 2.2));
    // Less coverage at grazing angles gives a soft outline.
    v_strand = vec2(strand.x, strand.w * min(abs(dot(n, view)) * 3.5 + 0.3, 1.0) * 2.8);
}
