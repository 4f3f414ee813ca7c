/** Where to go after signing in: only an address of this page, for a link from elsewhere must not lead away from here. */
export function backOf(query: URLSearchParams): string {
  const back = query.get("back") ?? "/";
  // Browsers take a backslash for a slash.
  return /^\/(?![/\\])/.test(back) && !back.startsWith("/sign-in") ? back : "/";
}
