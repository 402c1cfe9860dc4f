uniform mat4 p3d_ModelViewProjectionMatrix;
in vec4 p3d_Vertex; in vec3 unit;
out vec3 v_unit; out vec3 v_place;
void main() { gl_Position = p3d_ModelViewProjectionMatrix * p3d_Vertex; v_unit = unit; v_place = p3d_Vertex.xyz; }
