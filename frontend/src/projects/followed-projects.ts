import type { InfiniteData, QueryClient } from "@tanstack/react-query";

import type { ListProjectsResponse } from "@/api/connection";
import { keys } from "@/api/keys";
import { follow, type Change } from "@/live/follow";

const GATHER_MS = 1500;

/** Cards move with their projects: progress at once from the changed row, counts and pictures by asking soon after. */
export function followProjects(queries: QueryClient): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const askSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void queries.invalidateQueries({ queryKey: keys.projects }), GATHER_MS);
  };
  const stop = follow({
    tables: [{ table: "projects" }],
    onJoined: () => void queries.invalidateQueries({ queryKey: keys.projects }),
    onChange: (change) => {
      const settled = queries.setQueryData<Cards>(keys.projects, (cards) => cards && moved(cards, change));
      if (!settled || !onlyProgress(change)) askSoon();
    },
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}

type Cards = InfiniteData<ListProjectsResponse>;

/** The cards with what a change of the projects table says. */
export function moved(cards: Cards, change: Change): Cards {
  const { id, status, name, current_step, progress_percentage, updated_at } = change.record;
  if (change.type !== "UPDATE") return cards;
  const news = { status, name, current_step, progress_percentage, updated_at };
  return {
    ...cards,
    pages: cards.pages.map((page) => ({
      ...page,
      items: page.items.map((card) => (card.id === id ? ({ ...card, ...news } as typeof card) : card)),
    })),
  };
}

function onlyProgress(change: Change): boolean {
  return change.type === "UPDATE" && change.record.status === "processing";
}
