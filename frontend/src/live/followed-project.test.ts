import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";

import type { Event } from "@/api/connection";
import { useTokensFrom } from "@/api/credentials";
import { keys } from "@/api/keys";

import { FollowedProject } from "./followed-project";

const ID = "00000000-0000-4000-8000-000000000001";
const event = (seq: number): Event => ({ seq, run_id: null, type: "export", payload: {}, created_at: "2026-01-01T00:00:00Z" });

afterEach(() => vi.unstubAllGlobals());
useTokensFrom(async () => "k1");

test("what comes while the rows are read is read once more", async () => {
  const queries = new QueryClient();
  queries.setQueryData(keys.status(ID), { event_seq: 3 });
  const asked: string[] = [];
  const server: Event[] = [event(4)];
  let followed: FollowedProject | null = null;
  vi.stubGlobal("fetch", async (asking: string) => {
    const url = new URL(asking, "http://here");
    asked.push(url.search);
    const items = server.filter(({ seq }) => seq > Number(url.searchParams.get("after")));
    if (asked.length === 1) {
      // Told while this answer is on its way: the answer does not hold it, and Realtime tells it once.
      server.push(event(5));
      followed?.hear([event(5)]);
    }
    return Response.json({ items, next: null });
  });
  followed = new FollowedProject(queries, ID);
  await followed.catchUp();
  expect(asked).toEqual(["?after=3", "?after=4"]);
  await followed.catchUp();
  expect(asked.at(-1)).toBe("?after=5");
});

test("where nothing comes meanwhile the rows are read once", async () => {
  const queries = new QueryClient();
  queries.setQueryData(keys.status(ID), { event_seq: 3 });
  const fetched = vi.fn(async () => Response.json({ items: [event(4)], next: null }));
  vi.stubGlobal("fetch", fetched);
  await new FollowedProject(queries, ID).catchUp();
  expect(fetched).toHaveBeenCalledTimes(1);
});
