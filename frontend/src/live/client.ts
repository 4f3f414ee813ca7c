import type { SupabaseClient } from "@supabase/supabase-js";

import { readSession, type Session } from "@/api/connection";
import { bearer } from "@/api/credentials";

const RENEW_BEFORE_MS = 60_000;
let opened: Promise<SupabaseClient> | null = null;
let session: Promise<Session> | null = null;

/** The session while it lasts; supabase-js asks on every join and heartbeat. */
async function freshSession(): Promise<Session> {
  const held = await session?.catch(() => null);
  const ends = held?.expires_at ? Date.parse(held.expires_at) : Infinity;
  if (held && ends - Date.now() > RENEW_BEFORE_MS) return held;
  session = readSession();
  return session;
}

async function open(): Promise<SupabaseClient> {
  const [{ createClient }, { supabase_url, publishable_key }] = await Promise.all([
    import("@supabase/supabase-js"),
    freshSession(),
  ]);
  return createClient(supabase_url, publishable_key, {
    // The embedded stack signs tokens for its own services; beside Supabase the signed-in person's token is the one.
    accessToken: async () => (await freshSession()).access_token ?? (await bearer()),
  });
}

/** The one client of this page, fetched when something is first followed. */
export async function realtimeClient(): Promise<SupabaseClient> {
  opened ??= open();
  try {
    return await opened;
  } catch (failure) {
    opened = null;
    throw failure;
  }
}
