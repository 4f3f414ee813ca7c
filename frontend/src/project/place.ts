import { navigate, usePlace } from "@/app/navigation";

/** What of a project is looked at. It stands in the address, so that a reload or a link shows the same. */
export interface Looked {
  tab: string | null;
  /** Null: the promoted version. */
  version: number | null;
  /** The version beside it. */
  beside: number | null;
}

export function useLooked(): [Looked, (news: Partial<Looked>) => void] {
  const { path, query } = usePlace();
  const looked: Looked = { tab: query.get("tab"), version: numberOf(query.get("version")), beside: numberOf(query.get("beside")) };
  function look(news: Partial<Looked>): void {
    // From the address itself: two changes in one moment must both hold.
    const next = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(news)) {
      if (value === null) next.delete(name);
      else next.set(name, String(value));
    }
    navigate(`${path}${next.size ? `?${next}` : ""}`, { replace: true });
  }
  return [looked, look];
}

export function numberOf(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
