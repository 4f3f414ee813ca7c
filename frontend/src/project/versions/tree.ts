import type { Model } from "@/api/connection";

export interface Row {
  model: Model;
  /** How deep it is drawn: a line of refines goes straight down, only branches step in. */
  depth: number;
  /** Made of the row above it. */
  follows: boolean;
  /** The row below it is made of it. */
  leads: boolean;
}

/**
 * Versions as the tree that they grew in. A parent's first child stands under it in line, further children begin
 * branches, which are drawn before the line goes on; newest trees first, so that what one works at is at the top.
 */
export function rowsOf(models: readonly Model[]): Row[] {
  const known = new Set(models.map((model) => model.version));
  const children = Map.groupBy(models, (model) =>
    model.parent_version !== null && known.has(model.parent_version) ? model.parent_version : null,
  );
  const rows: Row[] = [];
  function grow(model: Model, depth: number, follows: boolean): void {
    rows.push({ model, depth, follows, leads: false });
    const [main, ...branches] = (children.get(model.version) ?? []).toSorted((a, b) => a.version - b.version);
    for (const branch of branches.toReversed()) grow(branch, depth + 1, false);
    if (main) grow(main, depth, branches.length === 0);
  }
  for (const root of (children.get(null) ?? []).toSorted((a, b) => b.version - a.version)) grow(root, 0, false);
  return rows.map((row, index) => ({ ...row, leads: rows[index + 1]?.follows ?? false }));
}

/** How a version came about, in a few words. */
export function originOf(model: Model): string {
  const by = engineOf(model);
  if (model.method === "generate") return `From the photos${by}`;
  return model.parent_version === null ? `Refined${by}` : `Refined from version ${model.parent_version}${by}`;
}

/** Another engine than ours is named. */
function engineOf({ details }: Model): string {
  const engine = details?.engine as { name?: unknown } | undefined;
  return typeof engine?.name === "string" && engine.name !== "maquette" ? ` by ${engine.name}` : "";
}
