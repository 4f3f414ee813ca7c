import { useEffect, useState } from "react";

/** Seconds since a moment, told anew each second; null before it. */
export function useElapsed(since: string | null): number | null {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!since) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [since]);
  return since ? Math.max(0, (now - Date.parse(since)) / 1000) : null;
}
