/** Names of what is cached: everything of a project stands under its id, so that it can be asked for anew at once. */
export const keys = {
  health: ["health"] as const,
  session: ["session"] as const,
  formats: ["formats"] as const,
  queue: ["queue"] as const,
  projects: ["projects"] as const,
  project: (id: string) => ["project", id] as const,
  status: (id: string) => ["project", id, "status"] as const,
  list: (id: string, noun: Noun) => ["project", id, noun] as const,
  run: (runId: string) => ["run", runId] as const,
};

/** Lists of a project that the API has. */
export type Noun =
  | "images"
  | "views"
  | "depth-maps"
  | "models"
  | "iterations"
  | "enhanced-views"
  | "metrics"
  | "losses"
  | "meshes"
  | "exports"
  | "runs"
  | "preview"
  | "shares";
