import type { Event, Run } from "@/api/connection";

import { plain, STAGES, type Step } from "./words";

export type StageState = "done" | "running" | "waiting" | "failed" | "skipped";

export interface Stage {
  name: string;
  label: string;
  state: StageState;
  /** Wall seconds; null: it has not ended, or nobody noted them. */
  seconds: number | null;
  /** When it began, ms since 1970, of the one at work. */
  since: number | null;
}

/**
 * The stages of a run in their order. A run that has ended notes its seconds by stage; of one at work they are told by
 * when its events entered each. Stages that a finished run left out (six views need no cameras) show as skipped.
 */
export function stagesOf(run: Run, events: readonly Event[] = []): Stage[] {
  const labels = STAGES[run.step as Step] ?? {};
  const timings = run.timings as Record<string, number>;
  const begun = beginnings(run, events);
  const names = Object.keys(labels);
  for (const name of [...Object.keys(timings), ...begun.keys()]) {
    if (name !== "peak_memory_mb" && !names.includes(name)) names.push(name);
  }
  const ended = run.status === "completed" || run.status === "failed" || run.status === "cancelled";
  const at = run.stage === null ? -1 : names.indexOf(run.stage);
  return names.map((name, index) => {
    const noted = timings[name];
    const next = [...begun].find(([other, time]) => other !== name && time > (begun.get(name) ?? Infinity))?.[1];
    const from = begun.get(name);
    const seconds = noted ?? (from !== undefined && next !== undefined ? (next - from) / 1000 : null);
    const known = noted !== undefined || from !== undefined;
    let state: StageState;
    if (run.status === "completed") state = known || Object.keys(timings).length === 0 ? "done" : "skipped";
    else if (index === at) state = ended ? "failed" : run.status === "running" ? "running" : "waiting";
    else if (index < at) state = "done";
    else state = "waiting";
    return { name, label: labels[name] ?? plain(name), state, seconds: state === "running" ? null : seconds, since: state === "running" ? (from ?? null) : null };
  });
}

/** When each stage of a run's last attempt was first told of, ms since 1970. */
function beginnings(run: Run, events: readonly Event[]): Map<string, number> {
  const begun = new Map<string, number>();
  for (const event of events) {
    if (event.run_id !== run.id || event.type !== "progress") continue;
    const { stage, attempt } = event.payload as { stage: string | null; attempt: number };
    if (attempt === run.attempt && stage !== null && !begun.has(stage)) begun.set(stage, Date.parse(event.created_at));
  }
  return begun;
}

/** Wall seconds of a whole run; of one at work until `now` (ms since 1970). Null: it has not begun. */
export function elapsed(run: Run, now: number): number | null {
  if (run.started_at === null) return null;
  const until = run.finished_at === null ? now : Date.parse(run.finished_at);
  return Math.max(0, (until - Date.parse(run.started_at)) / 1000);
}
