import { useState } from "react";

import { forgetKey } from "@/api/credentials";
import { Button } from "@/ui/button";

import { kept, useSignedIn } from "./session";

/** Who is signed in, and the way out. Nothing on one's own machine, where nobody has to sign in. */
export function Account() {
  const who = useSignedIn();
  const [busy, setBusy] = useState(false);
  if (who === null) return null;

  async function signOut(): Promise<void> {
    setBusy(true);
    forgetKey();
    try {
      if (kept()) await (await import("./auth")).endSession();
    } finally {
      // Loaded anew, so that nothing of what was seen stays in memory, and no line stays open.
      location.assign("/sign-in");
    }
  }

  return (
    <Button tone="quiet" size="sm" busy={busy} onClick={() => void signOut()} title={who === "key" ? "Signed in with a key" : who}>
      Sign out
    </Button>
  );
}
