/** Meshes and points read from bytes, and given back whole. */

import { Box3, BufferAttribute, BufferGeometry, Material, Mesh, type Object3D, Points, PointsMaterial, Sphere, Texture } from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { PLYLoader } from "three/addons/loaders/PLYLoader.js";

import { type Ball, ballOf } from "./bounds";

interface Read {
  object: Object3D;
  ball: Ball | null;
}

const POINT_PX = 3;

export async function readMesh(bytes: Uint8Array<ArrayBuffer>): Promise<Read> {
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== "glTF") throw new Error("it is no GLB file");
  const { scene } = await new GLTFLoader().parseAsync(bytes.buffer, "");
  const sphere = new Box3().setFromObject(scene).getBoundingSphere(new Sphere());
  return { object: scene, ball: sphere.radius > 0 ? { centre: sphere.center, radius: sphere.radius } : null };
}

export async function readPoints(bytes: Uint8Array<ArrayBuffer>): Promise<Read> {
  if (String.fromCharCode(...bytes.subarray(0, 3)) !== "ply") throw new Error("it is no PLY file");
  const read = new PLYLoader().parse(bytes.buffer);
  const geometry = new BufferGeometry().setAttribute("position", read.getAttribute("position"));
  const colour = read.getAttribute("color");
  if (colour instanceof BufferAttribute) geometry.setAttribute("color", colour);
  read.dispose();
  const xyz = geometry.getAttribute("position");
  if (!xyz || xyz.count === 0) throw new Error("it holds no points");
  const material = new PointsMaterial({ size: POINT_PX * Math.min(devicePixelRatio, 2), sizeAttenuation: false, vertexColors: colour instanceof BufferAttribute });
  const points = new Points(geometry, material);
  return { object: points, ball: ballOf(xyz.array) };
}

/** Everything under an object: geometries, materials, textures, and the decoded pictures behind them. */
export function release(root: Object3D): void {
  root.traverse((object) => {
    if (!(object instanceof Mesh || object instanceof Points)) return;
    (object.geometry as BufferGeometry).dispose();
    for (const material of [object.material].flat() as Material[]) {
      for (const value of Object.values(material)) {
        if (!(value instanceof Texture)) continue;
        if (value.image instanceof ImageBitmap) value.image.close();
        value.dispose();
      }
      material.dispose();
    }
  });
}
