/** Who calls: nobody in particular on one's own machine, a key, or a person signed in with Supabase. */
export type TokenSource = () => Promise<string | null>;

const KEY = "maquette.key";
let source: TokenSource | null = null;

/** A signed-in session takes the place of a key; null puts the key back. */
export function useTokensFrom(tokens: TokenSource | null): void {
  source = tokens;
}

/** Keep a machine key for this tab, or for this browser where asked. */
export function keepKey(key: string, remember: boolean): void {
  forgetKey();
  (remember ? localStorage : sessionStorage).setItem(KEY, key);
}

export function forgetKey(): void {
  localStorage.removeItem(KEY);
  sessionStorage.removeItem(KEY);
}

export function hasKey(): boolean {
  return storedKey() !== null;
}

/** What goes into `Authorization: Bearer`, or null. */
export async function bearer(): Promise<string | null> {
  return (await source?.()) ?? storedKey();
}

function storedKey(): string | null {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
}
