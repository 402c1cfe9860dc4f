// Rotation of the head on the neck by yaw and pitch, radians; none below the neck. The same as head_rotation.py.
uniform vec2 head_rotation;
const vec3 PIVOT = vec3(0.0, -0.55, -0.62);
// Rotation matrix minus the identity, at a position before the rotation.
mat3 rotation_delta(vec3 at) {
    float w = smoothstep(-1.65, -1.0, at.y);
    vec2 a = head_rotation * w, s = sin(a), h = sin(a * 0.5), d = -2.0 * h * h, c = 1.0 + d;
    // Pitch about x, then yaw about y, less the identity.
    return mat3(d.x, 0.0, -s.x, -s.x * s.y, d.y, -c.x * s.y, s.x * c.y, s.y, c.x * c.y - 1.0);
}
vec3 rotated(vec3 at) { return at + rotation_delta(at) * (at - PIVOT); }
vec3 rotated_direction(vec3 at, vec3 direction) { return direction + rotation_delta(at) * direction; }
