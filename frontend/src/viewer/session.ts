/** One life of the 3D view within the page: from the first byte to the last thing given back. */

import { type RefObject, useEffect, useRef, useState } from "react";

import type { Engine } from "./engine/engine";
import type { Loaded } from "./engine/fetching";
import { explained, ViewerError } from "./problems";
import type { SplatSource, ViewerProps } from "./types";

export type Phase = "waiting" | "loading" | "ready" | "error";

export interface Session {
  /** Null before it is there and after it failed. */
  engine: Engine | null;
  phase: Phase;
  error: ViewerError | null;
  /** Of what is being fetched; null when nothing is. */
  progress: ({ what: string } & Loaded) | null;
  standing: number | null;
  hovered: number | null;
}

const NOTHING: Session = { engine: null, phase: "waiting", error: null, progress: null, standing: null, hovered: null };

/** Two signed URLs of one file differ only behind the question mark. */
export const identityOf = (source: SplatSource): string => source.key ?? (source.splatUrl ?? "").split("?")[0]!;

/**
 * Makes an engine in `host` while `wanted`, anew for each model and each `attempt`. Every engine has a canvas of its
 * own: a canvas whose context was given back never gives another one.
 */
export function useSession(host: RefObject<HTMLElement | null>, props: ViewerProps, wanted: boolean, attempt: number): Session {
  const [session, setSession] = useState(NOTHING);
  const given = useRef(props);
  useEffect(() => {
    given.current = props;
  });
  const identity = identityOf(props.model);

  useEffect(() => {
    const place = host.current;
    if (!wanted || !place) return;
    const stop = new AbortController();
    const tell = (news: Partial<Session>) => !stop.signal.aborted && setSession((before) => ({ ...before, ...news }));
    const canvas = document.createElement("canvas");
    place.append(canvas);
    let [engine, loaded] = [null as Engine | null, false];
    setSession({ ...NOTHING, phase: "loading" });

    const fail = (error: ViewerError) => {
      tell({ engine: null, phase: "error", error, progress: null });
      // Browsers draw a sad face in a canvas whose context was lost.
      canvas.remove();
      void engine?.dispose();
      engine = null;
    };
    const open = async () => {
      const { Engine } = await import("./engine/engine").catch((cause: unknown) => {
        throw new ViewerError("viewer_not_loaded", "The 3D view itself did not arrive.", "Check the connection and try again; reload the page if it was updated meanwhile.", cause);
      });
      if (stop.signal.aborted) return;
      engine = new Engine(canvas, {
        onProgress: (what, loaded) => tell({ progress: loaded && { what, ...loaded } }),
        onDue: () => {
          canvas.dataset["settled"] = "false";
        },
        onDrawn: (settled) => {
          canvas.dataset["frames"] = String(Number(canvas.dataset["frames"] ?? 0) + 1);
          canvas.dataset["settled"] = String(settled && loaded);
          if (settled && loaded) setSession((before) => (before.phase === "loading" && !stop.signal.aborted ? { ...before, phase: "ready" } : before));
        },
        onStanding: (standing) => tell({ standing }),
        onHover: (hovered) => tell({ hovered }),
        onFailure: fail,
      });
      engine.setStill(matchMedia("(prefers-reduced-motion: reduce)").matches);
      const { model, mesh, meshUrl, points, pointsUrl } = given.current;
      const [meshSource, pointSource] = [mesh ?? (meshUrl ? { url: meshUrl } : null), points ?? (pointsUrl ? { url: pointsUrl } : null)];
      if (model.splatUrl) await engine.load(model, stop.signal);
      else if (meshSource) await engine.loadLayer("mesh", meshSource, stop.signal);
      else if (pointSource) await engine.loadLayer("points", pointSource, stop.signal);
      else throw new ViewerError("file_missing", "There is no model to show yet.", "It appears here when the first version is made.");
      const { cameras, up, start } = given.current;
      engine.begin(cameras ?? [], up, start);
      loaded = true;
      tell({ engine });
    };
    open().catch((error: unknown) => {
      if (!stop.signal.aborted) fail(explained(error, "model"));
    });

    return () => {
      stop.abort();
      canvas.remove();
      void engine?.dispose();
      setSession(NOTHING);
    };
  }, [host, wanted, identity, attempt]);

  return session;
}
