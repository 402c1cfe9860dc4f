in vec2 corner;
out vec2 v_place;
void main() { gl_Position = vec4(corner, 0.999, 1.0); v_place = corner; }
