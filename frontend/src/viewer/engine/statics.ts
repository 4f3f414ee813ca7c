/**
 * What Spark shares between all renderers of a page. Each renderer leaves its listeners on these, and through them a
 * view that was closed would stay in memory whole. Disposing removes the listeners; whoever is still open uploads anew.
 */

import { ExtSplats, PackedSplats, Readback, SparkRenderer, SplatAccumulator } from "@sparkjsdev/spark";
import { Texture } from "three";

export function releaseShared(): void {
  const textures = [
    SplatAccumulator.emptyTexture,
    ...SplatAccumulator.emptyTextures,
    ExtSplats.emptyArray,
    ExtSplats.emptyTexture,
    ExtSplats.emptyUint32x4,
    PackedSplats.getEmptyArray,
    PackedSplats.emptyUint32x4,
    PackedSplats.emptyUint32x2,
    ...Object.values(SparkRenderer.makeUniforms()).map((uniform) => uniform.value),
  ];
  for (const texture of textures) if (texture instanceof Texture) texture.dispose();
  for (const quad of [SplatAccumulator.fullScreenQuad, PackedSplats.fullScreenQuad, Readback.fullScreenQuad]) {
    quad.material.dispose();
    quad.dispose();
  }
}
