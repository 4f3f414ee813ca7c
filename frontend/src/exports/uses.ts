import type { FormatShape } from "@/api/connection";

export type Use = "view" | "edit" | "print" | "web" | "cameras" | "project";

/** What people want a file for, in the order in which most of them do. */
export const USES: Record<Use, { title: string; text: string }> = {
  view: { title: "Look at it", text: "on any computer or phone" },
  edit: { title: "Work on it", text: "in 3D programs and game engines" },
  web: { title: "Put it on the web", text: "small files for splat viewers" },
  print: { title: "Print it", text: "bare triangles" },
  cameras: { title: "Take the cameras", text: "for other trainers" },
  project: { title: "The whole project", text: "to keep or to move" },
};

const BY_NAME: Record<string, Use> = {
  html: "view",
  usdz: "view",
  ply: "edit",
  "ply.gz": "edit",
  glb: "edit",
  obj: "edit",
  "pointcloud.ply": "edit",
  stl: "print",
};
// A format that came after this page was written still finds its place.
const BY_KIND: Record<string, Use> = { gaussians: "web", mesh: "edit", points: "edit", cameras: "cameras", project: "project" };

export function useOf(format: Pick<FormatShape, "name" | "kind">): Use {
  return BY_NAME[format.name] ?? BY_KIND[format.kind] ?? "edit";
}

export function grouped(formats: readonly FormatShape[]): { use: Use; formats: FormatShape[] }[] {
  return (Object.keys(USES) as Use[])
    .map((use) => ({ use, formats: formats.filter((format) => useOf(format) === use) }))
    .filter((group) => group.formats.length > 0);
}
