import { AuthClient, isAuthRetryableFetchError, type AuthError } from "@supabase/supabase-js";

import { readSignIn } from "@/api/connection";
import { ApiFailure } from "@/api/failure";

import { forgetSession, SESSION_KEY } from "./session";
import { asSignInFailure, refusalIn } from "./words";

type Auth = InstanceType<typeof AuthClient>;

let opened: Promise<Auth> | null = null;

async function open(): Promise<Auth> {
  const { supabase_url, publishable_key } = await readSignIn();
  if (!supabase_url || !publishable_key) {
    throw new ApiFailure("no_sign_in", "Nobody signs in by e-mail on this server.", "Use a key.", 0);
  }
  return new AuthClient({
    url: `${supabase_url}/auth/v1`,
    headers: { apikey: publishable_key, Authorization: `Bearer ${publishable_key}` },
    storageKey: SESSION_KEY,
    persistSession: true,
    autoRefreshToken: true,
    // Done by `finishLink`, on the sign-in page alone. With PKCE a link opens only in the browser that asked for it, so
    // that nobody is signed in as somebody else by a link that they were sent.
    detectSessionInUrl: false,
    flowType: "pkce",
  });
}

/** The one client of this page. */
async function client(): Promise<Auth> {
  opened ??= open();
  try {
    return await opened;
  } catch (failure) {
    opened = null;
    throw failure;
  }
}

function refuse(error: AuthError | null): void {
  if (error) throw asSignInFailure(error);
}

export async function signInWithPassword(email: string, password: string): Promise<void> {
  refuse((await (await client()).signInWithPassword({ email, password })).error);
}

/** Have a mail sent with a link that leads to `back` of this page by way of the sign-in page. */
export async function sendLink(email: string, back: string): Promise<void> {
  const emailRedirectTo = `${location.origin}/sign-in?back=${encodeURIComponent(back)}`;
  refuse((await (await client()).signInWithOtp({ email, options: { emailRedirectTo } })).error);
}

/** Sign in with what a link from a mail brought along; false where it brought nothing. */
export async function finishLink(address: URL): Promise<boolean> {
  const refused = refusalIn(address);
  if (refused) throw refused;
  const code = address.searchParams.get("code");
  if (!code) return false;
  refuse((await (await client()).exchangeCodeForSession(code)).error);
  return true;
}

/** A token that is good for a while, or null where the session cannot be renewed any more. */
export async function renewed(): Promise<string | null> {
  const { data, error } = await (await client()).getSession();
  // A line that is down ends no session.
  if (error && (isAuthRetryableFetchError(error) || !error.status)) throw asSignInFailure(error);
  if (!data.session) forgetSession();
  return data.session?.access_token ?? null;
}

/** Ends the session in this browser, whether or not the service hears of it. */
export async function endSession(): Promise<void> {
  try {
    await (await client()).signOut({ scope: "local" });
  } finally {
    forgetSession();
  }
}
