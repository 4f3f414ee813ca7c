import { tellLive } from "./state";

/**
 * Follow with code that comes after the page is drawn; nothing waits for it. Where it does not come, the page is told
 * that the line is down, and asks now and then. Answers how to stop.
 */
export function followLater(load: () => Promise<() => () => void>): () => void {
  const me = Symbol("follower");
  let stop = () => tellLive(me, null);
  let ended = false;
  tellLive(me, "connecting");
  load().then(
    (begin) => {
      tellLive(me, null);
      if (!ended) stop = begin();
    },
    () => !ended && tellLive(me, "down"),
  );
  return () => {
    ended = true;
    stop();
  };
}
