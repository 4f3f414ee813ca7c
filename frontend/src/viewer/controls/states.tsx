/** What stands in the viewer's place while there is nothing to turn: the offer to load, the way there, the failure. */

import type { Loaded } from "../engine/fetching";
import type { ViewerError } from "../problems";
import { sizeInWords } from "../units";
import { Icon } from "./icons";

export function Offer({ bytes, onLoad }: { bytes: number | null | undefined; onLoad: () => void }) {
  return (
    <div className="mqv-middle">
      <button type="button" className="mqv-offer" onClick={onLoad}>
        <Icon name="load" />
        View in 3D{bytes ? ` · ${sizeInWords(bytes)}` : ""}
      </button>
    </div>
  );
}

const FETCHING: Record<string, string> = { model: "Loading the model", comparison: "Loading the other version", mesh: "Loading the mesh", points: "Loading the points" };

export function Progress({ progress }: { progress: ({ what: string } & Loaded) | null }) {
  const { what, bytes, total } = progress ?? { what: "model", bytes: 0, total: null };
  const arrived = total !== null && bytes >= total;
  const told = !progress ? "Preparing the 3D view" : arrived ? "Preparing what arrived" : FETCHING[what];
  return (
    <div className="mqv-progress" role="status">
      <span>
        {told}
        {bytes > 0 && !arrived && <b> {total ? `${sizeInWords(bytes)} of ${sizeInWords(total)}` : sizeInWords(bytes)}</b>}
      </span>
      <progress aria-label={told} max={total ?? undefined} value={total && !arrived ? bytes : undefined} />
    </div>
  );
}

export function Failure({ error, onRetry }: { error: ViewerError; onRetry: () => void }) {
  return (
    <div className="mqv-middle">
      <div className="mqv-failure" role="alert">
        <strong>{error.message}</strong>
        <p>{error.suggestion}</p>
        <footer>
          <button type="button" className="mqv-retry" onClick={onRetry}>
            Try again
          </button>
          <code>{error.code}</code>
        </footer>
      </div>
    </div>
  );
}
