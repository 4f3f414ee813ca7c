import { queryOptions } from "@tanstack/react-query";

import * as api from "@/api/connection";
import { keys } from "@/api/keys";
import { everything } from "@/api/queries";

const PAGE = 500;
/** How far back the history is read: farther than what a run writes, so that the one at work is in it from its beginning. */
const RECENT_EVENTS = 400;

export const viewsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "views"),
    queryFn: () => everything((cursor) => api.listViews({ path: { project_id: id }, query: { limit: PAGE, cursor } })),
  });

export const depthQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "depth-maps"),
    queryFn: () => everything((cursor) => api.listDepthMaps({ path: { project_id: id }, query: { limit: PAGE, cursor } })),
  });

export const enhancedQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "enhanced-views"),
    queryFn: () =>
      everything((cursor) => api.listEnhancedViews({ path: { project_id: id }, query: { limit: PAGE, cursor } })),
  });

export const iterationsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "iterations"),
    queryFn: () => everything((cursor) => api.listIterations({ path: { project_id: id }, query: { limit: PAGE, cursor } })),
  });

export const metricsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "metrics"),
    queryFn: () => everything((cursor) => api.listMetrics({ path: { project_id: id }, query: { limit: PAGE, cursor } })),
  });

export const lossesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "losses"),
    queryFn: () => everything((cursor) => api.listLosses({ path: { project_id: id }, query: { limit: PAGE, cursor } })),
  });

/** How the training of a run looks just now; an event says when there is another picture. */
export const previewQuery = (id: string, runId: string) =>
  queryOptions({
    queryKey: [...keys.list(id, "preview"), runId] as const,
    queryFn: () => api.readRunPreview({ path: { run_id: runId } }),
  });

export const comparisonQuery = (id: string, a: number, b: number) =>
  queryOptions({
    queryKey: [...keys.project(id), "compare", a, b] as const,
    queryFn: () => api.compareVersions({ path: { project_id: id }, query: { a: String(a), b: String(b) } }),
    enabled: a !== b,
  });

/** The newest part of the project's history, oldest first. */
export const eventsQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.project(id), "events"] as const,
    queryFn: async ({ client }) => {
      const known = client.getQueryData<api.Status>(keys.status(id)) ?? (await api.readStatus({ path: { project_id: id } }));
      const items: api.Event[] = [];
      for (let after: number | null = Math.max(0, known.event_seq - RECENT_EVENTS); after !== null; ) {
        // oxlint-disable-next-line no-await-in-loop -- each part says where the next begins
        const part: api.EventListing = await api.listEvents({ path: { project_id: id }, query: { after } });
        items.push(...part.items);
        after = part.next;
      }
      return items;
    },
  });

export const logQuery = (runId: string, lines: number) =>
  queryOptions({
    queryKey: [...keys.run(runId), "log", lines] as const,
    queryFn: () => api.readRunLog({ path: { run_id: runId }, query: { lines } }),
  });

/** What a step would cost now. Nothing is kept for long: the line moves. */
export const rehearsalQuery = (id: string, call: StepCall) =>
  queryOptions({
    queryKey: [...keys.project(id), "rehearsal", call] as const,
    queryFn: () => rehearse(id, call),
    staleTime: 5_000,
    gcTime: 60_000,
    retry: false,
  });

export type StepCall =
  | { step: "generate"; body: api.GenerateParameters }
  | { step: "refine"; body: api.RefineParameters };

async function rehearse(id: string, call: StepCall): Promise<api.Rehearsal> {
  const options = { path: { project_id: id }, query: { dry_run: true } };
  const answer =
    call.step === "generate" ? await api.generate({ ...options, body: call.body }) : await api.refine({ ...options, body: call.body });
  // `dry_run` always answers so; the description joins it with what the step itself would answer.
  return answer as api.Rehearsal;
}

/** Do it. What would be asked again (a second click, a lost answer) is the same call, by its key. */
export async function start(id: string, call: StepCall, key: string, fresh: boolean): Promise<api.Accepted> {
  const options = { path: { project_id: id }, query: { fresh }, headers: { "idempotency-key": key } };
  const answer =
    call.step === "generate" ? await api.generate({ ...options, body: call.body }) : await api.refine({ ...options, body: call.body });
  return answer as api.Accepted;
}
