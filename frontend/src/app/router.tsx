import { Suspense, useEffect, useMemo, useRef, useState, useTransition } from "react";

import { Loading } from "@/ui/states";

import { Boundary } from "./boundary";
import { Lost } from "./lost";
import { here, onNavigation, PlaceContext } from "./navigation";
import { routeOf } from "./routes";
import { Shell } from "./shell";

/** Shows the page of the address; the one before stays until the next one's code is there. */
export function Router() {
  const [place, setPlace] = useState(here);
  const [busy, startTransition] = useTransition();
  const shown = useRef(place.path);

  useEffect(() => {
    const move = () => startTransition(() => setPlace(here()));
    addEventListener("popstate", move);
    const stop = onNavigation(move);
    return () => {
      removeEventListener("popstate", move);
      stop();
    };
  }, []);

  useEffect(() => {
    if (shown.current === place.path) return;
    shown.current = place.path;
    scrollTo(0, 0);
    // Whoever reads by ear or moves by keyboard is at the new page's beginning, not on a link that has gone.
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [place.path]);

  const found = useMemo(() => routeOf(place.path), [place.path]);
  const content = (
    <Boundary key={place.path}>
      <Suspense fallback={<Loading />}>{found ? <found.route.page {...found.parameters} /> : <Lost />}</Suspense>
    </Boundary>
  );
  return <PlaceContext value={place}>{found?.route.bare ? content : <Shell busy={busy}>{content}</Shell>}</PlaceContext>;
}
