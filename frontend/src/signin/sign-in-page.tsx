import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { readSignIn, type SignIn } from "@/api/connection";
import { Link, navigate, usePlace } from "@/app/navigation";
import { buttonLook } from "@/ui/button";
import { Failed, Loading } from "@/ui/states";

import { backOf } from "./back";
import { EmailForm } from "./email-form";
import { KeyForm } from "./key-form";
import { sessionHasEnded } from "./session";

const WORDS: Record<SignIn["method"], string> = {
  none: "This server answers programs on its own machine, and asks for nothing.",
  key: "This server answers only with a key.",
  supabase: "Your projects are yours alone: sign in to see them.",
};

export function SignInPage() {
  const queries = useQueryClient();
  const { query } = usePlace();
  const back = backOf(query);
  const way = useQuery({ queryKey: ["sign-in"], queryFn: () => readSignIn(), staleTime: Infinity });
  const [withKey, setWithKey] = useState(false);
  const method = way.data?.method;
  const link = useLinkFromMail(method === "supabase", done);

  function done(): void {
    queries.clear();
    navigate(back, { replace: true });
  }

  return (
    <div className="mx-auto max-w-md space-y-5 py-10">
      <title>Sign in – Maquette</title>
      <h1 className="text-2xl tracking-tight">Sign in</h1>
      {way.isPending && <Loading label="Asking how to sign in" />}
      {way.isError && <Failed failure={way.error} retry={() => void way.refetch()} />}
      {method && <p className="text-ink-soft">{sessionHasEnded() ? "Your session has ended. Sign in again to go on." : WORDS[method]}</p>}
      {method === "none" && (
        <Link to={back} className={buttonLook("primary")}>
          To your projects
        </Link>
      )}
      {link.failure !== null && <Failed failure={link.failure} />}
      {link.busy && <Loading label="Signing in" />}
      {(method === "key" || method === "supabase") && !link.busy && (
        <div className="rounded-xl border border-line bg-surface p-5">
          {method === "key" || withKey ? <KeyForm onSignedIn={done} /> : <EmailForm back={back} onSignedIn={done} />}
        </div>
      )}
      {method === "supabase" && !link.busy && (
        <button
          type="button"
          className="text-sm text-accent underline underline-offset-2 hover:text-accent-strong"
          onClick={() => setWithKey(!withKey)}
        >
          {withKey ? "Sign in by e-mail" : "I have a key"}
        </button>
      )}
    </div>
  );
}

/** A link from a mail leads here with a code, which is good for one sign-in. */
function useLinkFromMail(asked: boolean, onSignedIn: () => void): { busy: boolean; failure: unknown } {
  const brings = /[?&#](code|error|error_code)=/.test(location.search + location.hash);
  const [busy, setBusy] = useState(brings);
  const [failure, setFailure] = useState<unknown>(null);
  const begun = useRef(false);
  useEffect(() => {
    if (!asked || !brings || begun.current) return;
    begun.current = true;
    const address = new URL(location.href);
    void import("./auth")
      .then(({ finishLink }) => finishLink(address))
      .then((signedIn) => (signedIn ? onSignedIn() : setBusy(false)))
      .catch((refused: unknown) => {
        setFailure(refused);
        setBusy(false);
        // The code is spent: loading the page again must not try it once more.
        const plain = new URLSearchParams({ back: backOf(address.searchParams) });
        history.replaceState(null, "", `/sign-in?${plain}`);
      });
  }, [asked, brings, onSignedIn]);
  return { busy: busy && asked, failure };
}
