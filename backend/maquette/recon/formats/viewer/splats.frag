#version 300 es
precision highp float;
in vec2 place;
in float reach;
in vec4 color;
out vec4 pixel;

void main() {
  float alpha = min(0.99, color.a * exp(-0.5 * reach * dot(place, place)));
  if (alpha < 1.0 / 255.0) discard;
  pixel = vec4(color.rgb * alpha, alpha);
}
