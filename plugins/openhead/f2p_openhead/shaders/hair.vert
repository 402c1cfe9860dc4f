uniform mat4 p3d_ModelViewProjectionMatrix;
in vec4 p3d_Vertex; in vec3 tangent; in vec3 p3d_Normal; in vec3 strand;
out vec3 v_tangent; out vec3 v_normal; out vec3 v_strand; out vec3 v_place;
void main() { gl_Position = p3d_ModelViewProjectionMatrix * p3d_Vertex; v_tangent = tangent; v_normal = p3d_Normal; v_strand = strand; v_place = p3d_Vertex.xyz; }
