/** A WebGL2 context, or an honest word that there is none. */

import { WebGLRenderer } from "three";

import { ViewerError } from "../problems";

/** Raises ViewerError `no_webgl2`. */
export function createRenderer(canvas: HTMLCanvasElement): WebGLRenderer {
  const context = canvas.getContext("webgl2", {
    alpha: true,
    // Gaussians are soft by themselves; meshes gain from it, but every Gaussian would cost several times as much.
    antialias: false,
    depth: true,
    powerPreference: "high-performance",
    premultipliedAlpha: true,
  });
  if (!context)
    throw new ViewerError("no_webgl2", "This browser gives no WebGL 2, which the 3D view needs.", "Switch on hardware acceleration in the browser's settings, update the browser, or open the page in another one.");
  const renderer = new WebGLRenderer({ canvas, context });
  renderer.setClearColor(0x000000, 0);
  renderer.autoClear = false;
  // Counted over a whole frame, which may be three draws.
  renderer.info.autoReset = true;
  return renderer;
}
