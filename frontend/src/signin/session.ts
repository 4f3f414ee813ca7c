import { useSyncExternalStore } from "react";

import { hasKey } from "@/api/credentials";

/** Where supabase-js keeps the session of this browser. */
export const SESSION_KEY = "maquette.session";

const MARGIN_S = 60;

interface Kept {
  access_token: string;
  /** Seconds since 1970. */
  expires_at: number;
  user?: { email?: string };
}

let ended = false;

/** Whether a session was lost on the way here: the visitor is told why they have to sign in again. */
export function sessionHasEnded(): boolean {
  return ended;
}

export function kept(): Kept | null {
  try {
    const session = JSON.parse(localStorage.getItem(SESSION_KEY) ?? "null") as Partial<Kept> | null;
    return session?.access_token && session.expires_at ? (session as Kept) : null;
  } catch {
    return null;
  }
}

export function forgetSession(): void {
  localStorage.removeItem(SESSION_KEY);
  localStorage.removeItem(`${SESSION_KEY}-code-verifier`);
}

/**
 * The token of whoever signed in with Supabase, or null. supabase-js is fetched only when the token has to be renewed:
 * the first load of a page that has a fresh one does not wait for it.
 */
export async function sessionToken(): Promise<string | null> {
  const session = kept();
  if (!session) return null;
  if (session.expires_at - Date.now() / 1000 > MARGIN_S) return session.access_token;
  const { renewed } = await import("./auth");
  const token = await renewed();
  ended = token === null;
  return token;
}

/** Who is signed in: an e-mail address, "key", or null for nobody in particular. */
export function useSignedIn(): string | null {
  return useSyncExternalStore(
    (tell) => {
      addEventListener("storage", tell);
      return () => removeEventListener("storage", tell);
    },
    () => kept()?.user?.email ?? (kept() ? "signed in" : hasKey() ? "key" : null),
  );
}
