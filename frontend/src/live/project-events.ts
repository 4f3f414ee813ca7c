import type { CurrentRun, Event, Status } from "@/api/connection";
import type { Noun } from "@/api/keys";

import type { Row } from "./follow";

type Whole = "everything";

/** What of a project may look different after an event. */
export function touchedBy(event: Pick<Event, "type" | "payload">): readonly (Noun | "status")[] | Whole {
  switch (event.type) {
    case "complete":
    case "error":
      return "everything";
    case "model":
    case "promote":
      return ["status", "models", "metrics", "losses"];
    case "preview":
      return ["preview"];
    case "iteration":
      return ["status", "iterations", "enhanced-views", "metrics"];
    case "export":
      return ["exports", "meshes"];
    case "replace":
      return ["status", "images", "views", "depth-maps"];
    case "rename":
    case "start_camera":
      return ["status"];
    default:
      return event.payload.status === "running" ? [] : ["status", "runs"];
  }
}

/** The status after a row of `runs` or the payload of a progress event, without asking the server; null: ask it. */
export function withRun(status: Status, row: Row): Status | null {
  const runId = (row.run_id ?? row.id) as string;
  const current = status.current_run;
  if (row.status !== "queued" && row.status !== "running") return null;
  if (current && current.run_id !== runId) return null;
  const news: Partial<CurrentRun> = {
    run_id: runId,
    step: row.step as CurrentRun["step"],
    status: row.status,
    stage: (row.stage as string | null | undefined) ?? null,
    progress_percentage: Number(row.progress_percentage ?? 0),
    message: (row.message as string | undefined) ?? "",
  };
  if ("cancel_requested_at" in row) news.cancel_requested = row.cancel_requested_at !== null;
  if (current) {
    // Numbers on their way may overtake each other; a run that has begun again starts from nothing.
    return { ...status, current_run: { ...current, ...news, queue_position: row.status === "running" ? 0 : current.queue_position } };
  }
  if (!("queued_at" in row)) return null;
  const begun: CurrentRun = {
    queue_position: row.status === "running" ? 0 : null,
    queued_at: row.queued_at as string,
    started_at: (row.started_at as string | null) ?? null,
    elapsed_s: null,
    cancel_requested: false,
    ...(news as Pick<CurrentRun, "run_id" | "step" | "status" | "stage" | "progress_percentage" | "message">),
  };
  return { ...status, current_run: begun };
}

/** Events in the order of their numbers, none twice; `missing` where one has not come. */
export function inOrder(last: number, events: readonly Event[]): { next: Event[]; missing: boolean } {
  const next: Event[] = [];
  let expected = last + 1;
  for (const event of events.toSorted((a, b) => a.seq - b.seq)) {
    if (event.seq < expected) continue;
    if (event.seq > expected) return { next, missing: true };
    next.push(event);
    expected++;
  }
  return { next, missing: false };
}
