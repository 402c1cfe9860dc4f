uniform sampler2D background; uniform vec2 part;
in vec2 v_place; out vec4 colour;
void main() {
    IS(0.0)
    colour = vec4(texture(background, v_place * part * 0.5 + 0.5).rgb, 1.0);
}
