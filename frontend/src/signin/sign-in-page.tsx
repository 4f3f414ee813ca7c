import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { readSession } from "@/api/connection";
import { forgetKey, keepKey } from "@/api/credentials";
import { navigate, usePlace } from "@/app/navigation";
import { Button } from "@/ui/button";
import { CheckField, TextField } from "@/ui/field";
import { Failed } from "@/ui/states";

/** For servers that ask for a machine key. */
export function SignInPage() {
  const [key, setKey] = useState("");
  const [remember, setRemember] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const queries = useQueryClient();
  const { query } = usePlace();

  async function signIn(): Promise<void> {
    setBusy(true);
    setFailure(null);
    keepKey(key.trim(), remember);
    try {
      await readSession();
      queries.clear();
      // Only an address of this page: a link from elsewhere must not lead away from here.
      const back = query.get("back") ?? "/";
      navigate(/^\/(?!\/)/.test(back) ? back : "/", { replace: true });
    } catch (refused) {
      forgetKey();
      setFailure(refused);
      setBusy(false);
    }
  }

  return (
    <div className="mx-auto max-w-md space-y-5 py-10">
      <title>Sign in – Maquette</title>
      <h1 className="text-2xl tracking-tight">Sign in</h1>
      <p className="text-ink-soft">This server answers only with credentials. Whoever runs it gives out keys.</p>
      <form
        className="space-y-4 rounded-xl border border-line bg-surface p-5"
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
              Made with <code className="font-mono">maquette keys create</code>
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
    </div>
  );
}
