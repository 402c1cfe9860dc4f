uniform mat4 p3d_ModelViewProjectionMatrix;
in vec4 p3d_Vertex; in vec2 strip;
out vec2 v_strip;
void main() { gl_Position = p3d_ModelViewProjectionMatrix * p3d_Vertex; v_strip = strip; }
