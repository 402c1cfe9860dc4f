uniform mat4 p3d_ModelViewProjectionMatrix;
in vec4 p3d_Vertex; in vec3 p3d_Normal; in vec4 inside;
out vec3 v_normal; out vec3 v_place; out vec4 v_inside;
void main() {
    vec3 place = rotated(p3d_Vertex.xyz);
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(place, 1.0);
    v_normal = rotated_direction(p3d_Vertex.xyz, p3d_Normal); v_place = place; v_inside = inside;
}
