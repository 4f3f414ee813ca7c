import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import * as api from "./connection";
import { keys } from "./keys";

const PAGE = 60;

export const healthQuery = queryOptions({ queryKey: keys.health, queryFn: () => api.readHealth(), staleTime: 60_000 });

export const formatsQuery = queryOptions({ queryKey: keys.formats, queryFn: () => api.formats(), staleTime: Infinity });

export const projectsQuery = infiniteQueryOptions({
  queryKey: keys.projects,
  queryFn: ({ pageParam }) => api.listProjects({ query: { limit: PAGE, cursor: pageParam } }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next ?? null,
});

export const statusQuery = (id: string) =>
  queryOptions({ queryKey: keys.status(id), queryFn: () => api.readStatus({ path: { project_id: id } }) });

export const imagesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "images"),
    queryFn: () => everything((cursor) => api.listImages({ path: { project_id: id }, query: { limit: 500, cursor } })),
  });

export const modelsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "models"),
    queryFn: () => everything((cursor) => api.listModels({ path: { project_id: id }, query: { limit: 500, cursor } })),
  });

export const runsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "runs"),
    queryFn: () => everything((cursor) => api.listRuns({ path: { project_id: id }, query: { limit: 500, cursor } })),
  });

export const exportsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "exports"),
    queryFn: () => everything((cursor) => api.listExports({ path: { project_id: id }, query: { limit: 500, cursor } })),
  });

/** All pages of a list; the lists of one project are bounded by its limits. */
export async function everything<T>(
  page: (cursor: string | null) => Promise<{ items: T[]; next?: string | null }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page names the next
    const answer: { items: T[]; next?: string | null } = await page(cursor);
    items.push(...answer.items);
    cursor = answer.next ?? null;
  } while (cursor !== null);
  return items;
}
