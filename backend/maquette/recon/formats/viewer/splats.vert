#version 300 es
// One Gaussian as a rectangle around its ellipse on the screen (Zwicker et al. 2001; Kerbl et al. 2023), unpacked
// here from the bytes of SPZ.
precision highp float;
precision highp int;
precision highp usampler2D;

uniform usampler2D splats;     // two texels each: x y z color, rotation scales - -
uniform usampler2D harmonics;  // sets of 16 bytes each
uniform int degree;
uniform vec3 eye, right, up, forward;
uniform vec2 screen;           // px
uniform float focal;           // px

layout(location = 0) in vec2 corner;
layout(location = 1) in uint index;

out vec2 place;
out float reach;
out vec4 color;

const float LOW_PASS = 0.3;
const float NEAR = 0.01;

uvec4 texel(usampler2D of, int i) {
  int width = textureSize(of, 0).x;
  return texelFetch(of, ivec2(i % width, i / width), 0);
}

float byteOf(uint word, int i) { return float((word >> uint(8 * i)) & 255u); }

vec4 rotation(uint word) {  // xyzw: the smallest three, the largest is what they leave
  vec3 small;
  for (int i = 0; i < 3; i++) {
    uint part = word >> uint(20 - 10 * i);
    small[i] = float(part & 511u) * (0.70710678 / 511.0) * ((part & 512u) != 0u ? -1.0 : 1.0);
  }
  float large = sqrt(max(0.0, 1.0 - dot(small, small)));
  uint which = word >> 30u;
  if (which == 0u) return vec4(large, small);
  if (which == 1u) return vec4(small.x, large, small.yz);
  if (which == 2u) return vec4(small.xy, large, small.z);
  return vec4(small, large);
}

mat3 matrix(vec4 q) {
  float x = q.x, y = q.y, z = q.z, w = q.w;
  return mat3(
    1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y),
    2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x),
    2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y));
}

uvec4 words[3];

vec3 coefficient(int k) {
  vec3 c;
  for (int i = 0; i < 3; i++) {
    int at = 3 * k + i;
    c[i] = (byteOf(words[at / 16][(at / 4) % 4], at % 4) - 128.0) / 128.0;
  }
  return c;
}

vec3 higherHarmonics(vec3 d) {
  int sets = degree == 3 ? 3 : degree;
  for (int i = 0; i < sets; i++) words[i] = texel(harmonics, int(index) * sets + i);
  float x = d.x, y = d.y, z = d.z, xx = x * x, yy = y * y, zz = z * z;
  vec3 sum = 0.48860251 * (-y * coefficient(0) + z * coefficient(1) - x * coefficient(2));
  if (degree > 1)
    sum += 1.09254843 * (x * y * coefficient(3) - y * z * coefficient(4) - x * z * coefficient(6))
      + 0.31539157 * (2.0 * zz - xx - yy) * coefficient(5) + 0.54627422 * (xx - yy) * coefficient(7);
  if (degree > 2)
    sum += -0.59004359 * (y * (3.0 * xx - yy) * coefficient(8) + x * (xx - 3.0 * yy) * coefficient(14))
      + 2.89061144 * x * y * z * coefficient(9)
      - 0.45704580 * (4.0 * zz - xx - yy) * (y * coefficient(10) + x * coefficient(12))
      + 0.37317633 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy) * coefficient(11)
      + 1.44530572 * z * (xx - yy) * coefficient(13);
  return sum;
}

void main() {
  gl_Position = vec4(0.0, 0.0, 2.0, 1.0);  // nowhere, unless it turns out to be seen
  uvec4 first = texel(splats, 2 * int(index)), second = texel(splats, 2 * int(index) + 1);
  vec3 offset = uintBitsToFloat(first.xyz) - eye;
  float depth = dot(forward, offset), opacity = byteOf(first.w, 3) / 255.0;
  if (depth < NEAR || opacity < 1.0 / 255.0) return;
  reach = 2.0 * log(255.0 * opacity);

  vec2 slope = vec2(dot(right, offset), dot(up, offset)) / depth;
  vec2 limit = 1.3 * 0.5 * screen / focal;
  vec2 held = clamp(slope, -limit, limit);
  vec3 scale = exp(vec3(byteOf(second.y, 0), byteOf(second.y, 1), byteOf(second.y, 2)) / 16.0 - 10.0);
  mat3 axes = matrix(rotation(second.x));
  axes = mat3(axes[0] * scale.x, axes[1] * scale.y, axes[2] * scale.z);
  vec3 across = (right - held.x * forward) * axes * (focal / depth);
  vec3 upwards = (up - held.y * forward) * axes * (focal / depth);

  float a = dot(across, across) + LOW_PASS, b = dot(across, upwards), c = dot(upwards, upwards) + LOW_PASS;
  float middle = 0.5 * (a + c), spread = length(vec2(0.5 * (a - c), b));
  float longer = middle + spread, shorter = max(middle - spread, 0.1);
  vec2 along = spread < 1e-6 ? vec2(1.0, 0.0) : a >= c ? normalize(vec2(longer - c, b)) : normalize(vec2(b, longer - a));
  vec2 radii = min(sqrt(vec2(longer, shorter) * reach), 4096.0);
  vec2 centre = slope * focal;
  if (any(greaterThan(abs(centre) - radii.x, 0.5 * screen))) return;

  place = corner;
  vec2 px = centre + corner.x * radii.x * along + corner.y * radii.y * vec2(-along.y, along.x);
  vec3 rgb = (vec3(byteOf(first.w, 0), byteOf(first.w, 1), byteOf(first.w, 2)) / 255.0 - 0.5) / 0.15 * 0.28209479 + 0.5;
  if (degree > 0) rgb += higherHarmonics(normalize(offset));
  color = vec4(max(rgb, 0.0), opacity);
  gl_Position = vec4(2.0 * px / screen, 0.0, 1.0);
}
