import { useState } from "react";

import { readSession } from "@/api/connection";
import { forgetKey, keepKey } from "@/api/credentials";
import { Button } from "@/ui/button";
import { CheckField, TextField } from "@/ui/field";
import { Failed } from "@/ui/states";

import { forgetSession } from "./session";

/** For servers that ask for a machine key, and for people who have one beside Supabase. */
export function KeyForm({ onSignedIn }: { onSignedIn: () => void }) {
  const [key, setKey] = useState("");
  const [remember, setRemember] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function signIn(): Promise<void> {
    setBusy(true);
    setFailure(null);
    // A session that was left over would be sent in the key's place.
    forgetSession();
    keepKey(key.trim(), remember);
    try {
      await readSession();
      onSignedIn();
    } catch (refused) {
      forgetKey();
      setFailure(refused);
      setBusy(false);
    }
  }

  return (
    <form
      className="space-y-4"
      onSubmit={(event) => {
        event.preventDefault();
        void signIn();
      }}
    >
      <TextField
        label="Key"
        type="password"
        autoComplete="current-password"
        required
        value={key}
        onChange={(event) => setKey(event.target.value)}
        hint={
          <>
            Whoever runs this server makes one with <code className="font-mono">maquette keys create</code>.
          </>
        }
      />
      <CheckField
        label="Stay signed in on this device"
        hint="Otherwise the key is forgotten when this tab closes."
        checked={remember}
        onChange={setRemember}
      />
      {failure !== null && <Failed failure={failure} />}
      <Button type="submit" tone="primary" busy={busy} disabled={!key.trim()} className="w-full">
        Sign in
      </Button>
    </form>
  );
}
