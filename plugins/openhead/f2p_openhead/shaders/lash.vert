uniform mat4 p3d_ModelViewProjectionMatrix;
in vec4 p3d_Vertex; in vec3 strip;
out vec3 v_strip;
void main() { vec3 place = rotated(p3d_Vertex.xyz); gl_Position = p3d_ModelViewProjectionMatrix * vec4(place, 1.0); v_strip = strip; }
