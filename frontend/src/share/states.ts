import type { Share } from "@/api/connection";
import { ApiFailure } from "@/api/failure";
import type { BadgeTone } from "@/ui/badge";

export const STATES: Record<Share["state"], { word: string; tone: BadgeTone }> = {
  active: { word: "Works", tone: "good" },
  expired: { word: "Expired", tone: "plain" },
  revoked: { word: "Taken back", tone: "plain" },
};

/** Why a visitor sees no model, and what they can do, said without knowing anything of the API. */
export function whyNothing(failure: unknown): { title: string; text: string; retry: boolean } {
  const code = failure instanceof ApiFailure ? failure.code : "";
  switch (code) {
    case "share_not_found":
      return { title: "There is nothing at this address", text: "The link may have been cut short when it was copied, or the model was deleted. Ask whoever sent it.", retry: false };
    case "share_revoked":
      return { title: "This link was taken back", text: "Its owner does not share the model any more. Ask them for a new link.", retry: false };
    case "share_expired":
      return { title: "This link has expired", text: "It was meant for a while. Ask whoever sent it for a new one.", retry: false };
    case "unreachable":
      return { title: "The server does not answer", text: "Check that this device is online; then try again.", retry: true };
    default:
      return { title: "The model cannot be shown right now", text: "Try again in a moment.", retry: true };
  }
}

/** Whether a page in a frame asked for the model alone: `?noui`, also `?noui=1`, but not `?noui=0`. */
export function isBare(query: URLSearchParams): boolean {
  const asked = query.get("noui");
  return asked !== null && asked !== "0" && asked !== "false";
}

export type Lasts = "ever" | "day" | "week" | "month" | "year";

const DAYS: Record<Exclude<Lasts, "ever">, number> = { day: 1, week: 7, month: 30, year: 365 };

/** When a link made now ends, as the API takes it; null: never. */
export function expiryOf(lasts: Lasts, now: number = Date.now()): string | null {
  return lasts === "ever" ? null : new Date(now + DAYS[lasts] * 86_400_000).toISOString();
}

/** What another page has to hold to show the model in a frame. */
export function frameOf(url: string, title: string): string {
  const told = title.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  return `<iframe src="${url}?noui" title="${told}" width="800" height="600" style="border:0" allow="fullscreen"></iframe>`;
}
