import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { expect, test } from "vitest";

interface Chunk {
  file: string;
  imports?: string[];
}

const BUILT = join(import.meta.dirname, "../../../backend/maquette/web/dist");
const MOST_BYTES = 100_000;

/** A chunk and all that has to be there before it can run. */
function needed(manifest: Record<string, Chunk>, name: string, found = new Set<string>()): Set<string> {
  const chunk = manifest[name];
  if (!chunk) throw new Error(`${name} is not in the build: make frontend`);
  found.add(chunk.file);
  for (const next of chunk.imports ?? []) if (!found.has(manifest[next]?.file ?? "")) needed(manifest, next, found);
  return found;
}

test.each([
  "projects/projects-page",
  "upload/upload-page",
  "signin/sign-in-page",
  "share/shared-page",
  "project/project-page",
])("the first load of %s is under 100 kB of packed script", (page) => {
  const manifest = JSON.parse(readFileSync(join(BUILT, ".vite/manifest.json"), "utf8")) as Record<string, Chunk>;
  const files = [...needed(manifest, "index.html"), ...needed(manifest, `src/${page}.tsx`)];
  const bytes = [...new Set(files)].reduce((sum, file) => sum + gzipSync(readFileSync(join(BUILT, file))).length, 0);
  expect(bytes, `${page}: ${bytes} bytes`).toBeLessThan(MOST_BYTES);
});
