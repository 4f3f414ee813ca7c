import type { RealtimeChannel } from "@supabase/supabase-js";

import { realtimeClient } from "./client";
import { tellLive } from "./state";

export type Row = Record<string, unknown>;

export interface Change {
  table: string;
  type: "INSERT" | "UPDATE" | "DELETE";
  record: Row;
}

export interface Followed {
  table: string;
  filter?: string;
}

interface Following {
  tables: readonly Followed[];
  onChange: (change: Change) => void;
  /** At every joining: what happened before it, or while the line was down, has to be read by other means. */
  onJoined: () => void;
}

const AGAIN_MS = [1000, 2000, 5000, 10_000];
let counted = 0;

/** Follow tables by Realtime until the returned function is called; joins again by itself. */
export function follow({ tables, onChange, onJoined }: Following): () => void {
  const me = Symbol("follower");
  let ended = false;
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let leave = () => {};
  tellLive(me, "connecting");

  async function join(): Promise<void> {
    const supabase = await realtimeClient();
    // Without it the first join goes out before the token is known, and is refused.
    await supabase.realtime.setAuth();
    if (ended) return;
    let channel: RealtimeChannel = supabase.channel(`page-${++counted}`);
    for (const { table, filter } of tables) {
      channel = channel.on(
        "postgres_changes",
        { event: "*", schema: "public", table, ...(filter ? { filter } : {}) },
        (payload) => onChange({ table, type: payload.eventType, record: payload.new as Row }),
      );
    }
    leave = () => void supabase.removeChannel(channel);
    channel.subscribe((status) => {
      if (ended) return;
      if (status === "SUBSCRIBED") {
        tries = 0;
        tellLive(me, "live");
        onJoined();
        return;
      }
      // supabase-js joins again by itself after an error or a lost socket, and says SUBSCRIBED then; only a channel
      // that was closed has to be made anew.
      tellLive(me, "down");
      if (status === "CLOSED") again();
    });
  }

  function again(): void {
    if (ended) return;
    tellLive(me, "down");
    clearTimeout(timer);
    timer = setTimeout(() => join().catch(again), AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
  }

  join().catch(again);
  return () => {
    ended = true;
    clearTimeout(timer);
    leave();
    tellLive(me, null);
  };
}
