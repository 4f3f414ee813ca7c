/** Layers and a second version, fetched when they are first wanted. */

import { useEffect, useRef, useState } from "react";

import type { Engine } from "./engine/engine";
import { explained } from "./problems";
import { identityOf, type Session } from "./session";
import type { LayerName, LayerSource, SplatSource, ViewerProps } from "./types";

type Shown = Record<LayerName, boolean>;

interface LayerSwitches {
  names: readonly LayerName[];
  shown: Shown;
  busy: LayerName | null;
  toggle: (layer: LayerName) => void;
}

export function useLayers({ engine }: Session, props: ViewerProps, say: (words: string) => void): LayerSwitches {
  const mesh = props.mesh ?? (props.meshUrl ? { url: props.meshUrl } : null);
  const points = props.points ?? (props.pointsUrl ? { url: props.pointsUrl } : null);
  const first: LayerName = props.model.splatUrl ? "splats" : mesh ? "mesh" : "points";
  const [shown, setShown] = useState<Shown>(only(first));
  const [busy, setBusy] = useState<LayerName | null>(null);
  const fetched = useRef(new Set<LayerName>());
  const stop = useRef<AbortController | null>(null);

  useEffect(() => {
    fetched.current = new Set([first]);
    stop.current = new AbortController();
    setShown(only(first));
    setBusy(null);
    return () => stop.current?.abort();
  }, [engine, first]);

  const fetchLayer = async (layer: "mesh" | "points", source: LayerSource) => {
    const signal = stop.current!.signal;
    setBusy(layer);
    try {
      await engine!.loadLayer(layer, source, signal);
      fetched.current.add(layer);
    } catch (error) {
      if (signal.aborted) return;
      const { message, suggestion } = explained(error, layer);
      say(`${message} ${suggestion}`);
      setShown((before) => ({ ...before, [layer]: false }));
    }
    if (!signal.aborted) setBusy(null);
  };
  const toggle = (layer: LayerName) => {
    if (!engine || busy === layer) return;
    const visible = !shown[layer];
    setShown({ ...shown, [layer]: visible });
    const source = layer === "mesh" ? mesh : layer === "points" ? points : null;
    if (source && visible && !fetched.current.has(layer)) void fetchLayer(layer as "mesh" | "points", source);
    else engine.show(layer, visible);
  };

  const there: Record<LayerName, unknown> = { splats: props.model.splatUrl, mesh, points, cameras: props.cameras?.length };
  const names = (Object.keys(there) as LayerName[]).filter((layer) => there[layer]);
  return { names, shown, busy, toggle };
}

/** Whether the other version is there to be seen. */
export function useComparison(engine: Engine | null, other: SplatSource | null, say: (words: string) => void): boolean {
  const [there, setThere] = useState(false);
  const given = useRef(other);
  useEffect(() => {
    given.current = other;
  });
  const identity = other && identityOf(other);
  useEffect(() => {
    if (!engine || identity === null) return;
    const stop = new AbortController();
    engine.compare(given.current, stop.signal).then(
      () => !stop.signal.aborted && setThere(true),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        const { message, suggestion } = explained(error, "model");
        say(`The other version: ${message} ${suggestion}`);
      },
    );
    return () => {
      stop.abort();
      setThere(false);
      void engine.compare(null);
    };
  }, [engine, identity, say]);
  return there;
}

const only = (layer: LayerName): Shown => ({ splats: false, mesh: false, points: false, cameras: false, [layer]: true });
