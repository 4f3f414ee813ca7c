/** One version: its Gaussians, mesh and points in one scene, drawn by one SparkRenderer. */

import { SparkRenderer, SplatFileType, SplatMesh } from "@sparkjsdev/spark";
import { HemisphereLight, Matrix4, type Object3D, type PerspectiveCamera, Scene, type WebGLRenderer } from "three";

import { explained, unreadable } from "../problems";
import type { LayerSource, Rows4, SplatSource } from "../types";
import { type Ball, ballOf } from "./bounds";
import { fetchBytes, type Loaded } from "./fetching";
import { readMesh, readPoints, release } from "./layers";
import { matrixOf } from "./poses";
import { checkSplatFile, kindOf } from "./splat-files";

const TYPES = { ply: SplatFileType.PLY, spz: SplatFileType.SPZ, splat: SplatFileType.SPLAT, ksplat: SplatFileType.KSPLAT, sog: SplatFileType.PCSOGSZIP };

/** Above this file size Gaussians are kept in 16 bytes with half-precision centres instead of in 32. */
const EXACT_UP_TO_BYTES = 256 * 2 ** 20;

/** As Maquette's rasteriser draws: 0.3 px of blur, nothing below 1/255, sorted by depth along the look. */
const LIKE_THE_TRAINER = { preBlurAmount: 0.3, blurAmount: 0, minAlpha: 1 / 255, maxStdDev: Math.sqrt(2 * Math.log(255)), maxPixelRadius: 2048, sortRadial: false };

export interface Loading {
  signal: AbortSignal;
  onProgress: (loaded: Loaded) => void;
}

export class Stage {
  readonly scene = new Scene();
  readonly #spark: SparkRenderer;
  #splats: SplatMesh | null = null;
  #others = new Map<"mesh" | "points", Object3D>();

  constructor(renderer: WebGLRenderer, onDirty: () => void) {
    this.#spark = new SparkRenderer({ renderer, onDirty, enableLod: false, accumExtSplats: true, ...LIKE_THE_TRAINER });
    this.scene.add(this.#spark, new HemisphereLight(0xffffff, 0x777777, 3));
  }

  /** Fetch and decode; raises ViewerError, or AbortError where nobody waits any more. */
  async loadSplats(source: SplatSource, { signal, onProgress }: Loading): Promise<Ball> {
    const url = source.splatUrl!;
    const kind = source.kind ?? kindOf(url);
    const bytes = await fetchBytes(url, "model", { signal, onProgress });
    checkSplatFile(bytes, kind);
    const splats = new SplatMesh({ fileBytes: bytes, fileType: TYPES[kind], extSplats: bytes.length <= EXACT_UP_TO_BYTES, raycastable: false });
    try {
      await splats.initialized;
    } catch (error) {
      splats.dispose();
      throw explained(error, "model");
    }
    if (signal.aborted) {
      splats.dispose();
      throw signal.reason;
    }
    place(splats, source.outFromWorld);
    this.#splats = splats;
    this.scene.add(splats);
    const ball = this.#ball(splats);
    if (!ball) throw unreadable("model", "it holds no Gaussians");
    return ball;
  }

  async loadLayer(name: "mesh" | "points", source: LayerSource, { signal, onProgress }: Loading): Promise<Ball | null> {
    const bytes = await fetchBytes(source.url, name, { signal, onProgress });
    const { object, ball } = await (name === "mesh" ? readMesh : readPoints)(bytes).catch((error: unknown) => Promise.reject(explained(error, name)));
    if (signal.aborted) {
      release(object);
      throw signal.reason;
    }
    place(object, source.outFromWorld);
    this.#others.set(name, object);
    this.scene.add(object);
    object.updateMatrixWorld(true);
    return ball && { centre: ball.centre.applyMatrix4(object.matrixWorld), radius: ball.radius * object.matrixWorld.getMaxScaleOnAxis() };
  }

  show(name: "splats" | "mesh" | "points", visible: boolean): void {
    const object = name === "splats" ? this.#splats : this.#others.get(name);
    if (object) object.visible = visible;
  }

  get splatsShown(): boolean {
    return this.#splats?.visible ?? false;
  }

  get count(): number {
    return this.#splats?.splats?.getNumSplats() ?? 0;
  }

  /** What was last drawn is what the camera sees: sorted for it, and nothing under way. */
  get settled(): boolean {
    return !this.splatsShown || (this.#spark.lastSortTime > 0 && !this.#spark.sorting && !this.#spark.sortDirty && !this.#spark.dirty);
  }

  render(renderer: WebGLRenderer, camera: PerspectiveCamera): void {
    renderer.render(this.scene, camera);
  }

  /** After the sorting under way has ended: its worker must not be asked for what is gone. */
  async dispose(): Promise<void> {
    this.#spark.autoUpdate = false;
    this.#spark.onDirty = undefined;
    for (let waited = 0; this.#spark.sorting && waited < 5000; waited += 20) await new Promise((next) => setTimeout(next, 20));
    this.scene.clear();
    // A texture that all splats without levels of detail share; see statics.ts.
    this.#splats?.context.lodIndices.value.dispose();
    this.#splats?.dispose();
    for (const object of this.#others.values()) release(object);
    this.#others.clear();
    this.#splats = null;
    this.#spark.dispose();
    this.#spark.geometry.dispose();
    this.#spark.material.dispose();
  }

  #ball(splats: SplatMesh): Ball | null {
    splats.updateMatrixWorld(true);
    const xyz: number[] = [];
    splats.forEachSplat((_, centre, __, ___, opacity) => {
      if (opacity < 0.2) return;
      xyz.push(centre.x, centre.y, centre.z);
    });
    const ball = ballOf(xyz);
    return ball && { centre: ball.centre.applyMatrix4(splats.matrixWorld), radius: ball.radius * splats.matrixWorld.getMaxScaleOnAxis() };
  }
}

/** Back from where an export stands to where it was captured. */
function place(object: Object3D, outFromWorld: Rows4 | null | undefined): void {
  const worldFromOut = outFromWorld ? matrixOf(outFromWorld).invert() : new Matrix4();
  worldFromOut.decompose(object.position, object.quaternion, object.scale);
}
