import { useState } from "react";

import { Button } from "@/ui/button";
import { TextField } from "@/ui/field";
import { Failed } from "@/ui/states";

interface EmailFormProps {
  back: string;
  onSignedIn: () => void;
}

/** Supabase Auth: with a password, or with a link that is sent by mail. */
export function EmailForm({ back, onSignedIn }: EmailFormProps) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState<"password" | "link" | null>(null);
  const [sentTo, setSentTo] = useState<string | null>(null);

  async function attempt(way: "password" | "link"): Promise<void> {
    setBusy(way);
    setFailure(null);
    try {
      const auth = await import("./auth");
      if (way === "password") {
        await auth.signInWithPassword(email.trim(), password);
        onSignedIn();
      } else {
        await auth.sendLink(email.trim(), back);
        setSentTo(email.trim());
      }
    } catch (refused) {
      setFailure(refused);
    }
    setBusy(null);
  }

  if (sentTo) {
    return (
      <div role="status" className="space-y-3">
        <h2 className="text-lg">Look at your mail</h2>
        <p>
          A link is on its way to <strong className="break-all">{sentTo}</strong>. Open it in this browser, and you are signed
          in.
        </p>
        <Button onClick={() => setSentTo(null)}>Use another address</Button>
      </div>
    );
  }
  return (
    <form
      className="space-y-4"
      onSubmit={(event) => {
        event.preventDefault();
        void attempt(password ? "password" : "link");
      }}
    >
      <TextField
        label="E-mail"
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <TextField
        label="Password"
        type="password"
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        hint="Leave it empty if you have none, and have a link sent."
      />
      {failure !== null && <Failed failure={failure} />}
      <Button type="submit" tone="primary" busy={busy === "password"} disabled={!password || busy !== null} className="w-full">
        Sign in
      </Button>
      <Button
        tone="plain"
        busy={busy === "link"}
        disabled={!/.@./.test(email) || busy !== null}
        className="w-full"
        onClick={() => void attempt("link")}
      >
        Send me a link instead
      </Button>
    </form>
  );
}
