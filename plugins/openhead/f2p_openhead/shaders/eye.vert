uniform mat4 p3d_ModelViewProjectionMatrix;
in vec4 p3d_Vertex; in vec3 unit;
// v_unit and v_place are before the head's rotation, v_out is the outward direction after it.
out vec3 v_unit; out vec3 v_place; out vec3 v_out;
void main() {
    gl_Position = p3d_ModelViewProjectionMatrix * vec4(rotated(p3d_Vertex.xyz), 1.0);
    v_unit = unit; v_place = p3d_Vertex.xyz; v_out = rotated_direction(p3d_Vertex.xyz, unit);
}
