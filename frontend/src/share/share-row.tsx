import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { revokeShare, type Share } from "@/api/connection";
import { keys } from "@/api/keys";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { age } from "@/ui/format";
import { toastFailure } from "@/ui/toast";

import { CopyButton } from "./copy-button";
import { frameOf, STATES } from "./states";

const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

export function ShareRow({ share }: { share: Share }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const revoke = useMutation({
    mutationFn: () => revokeShare({ path: { project_id: share.project_id, share_id: share.id } }),
    onError: toastFailure,
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.list(share.project_id, "shares") }),
  });
  const { word, tone } = STATES[share.state];
  const facts = [
    share.version === null ? "the promoted version" : `version ${share.version}`,
    share.allow_download ? "with files" : null,
    share.expires_at && share.state === "active" ? `until ${DATE.format(new Date(share.expires_at))}` : null,
    share.last_viewed_at ? `seen ${age(share.last_viewed_at)}` : "not seen yet",
  ].filter(Boolean);
  return (
    <li className="space-y-2 p-4">
      <div className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
        <span className="min-w-0 truncate font-medium">{share.title}</span>
        <Badge tone={tone}>{word}</Badge>
        <span className="text-sm text-ink-soft">{facts.join(" · ")}</span>
      </div>
      {share.state === "active" && (
        <>
          <input
            readOnly
            aria-label={`Link to ${share.title}`}
            value={share.url}
            onFocus={(event) => event.target.select()}
            className="h-9 w-full rounded-md border border-line bg-raised px-3 font-mono text-xs"
          />
          <div className="flex flex-wrap gap-2">
            <CopyButton text={share.url} label="Copy the link" of={`to ${share.title}`} />
            <CopyButton text={frameOf(share.url, share.title)} label="Copy the frame" of={`for ${share.title}`} />
            <a href={share.url} target="_blank" rel="noreferrer" className="inline-flex h-9 items-center px-2 text-sm underline underline-offset-2">
              Open
            </a>
            <span className="grow" />
            {asked ? (
              <>
                <Button size="sm" tone="danger" busy={revoke.isPending} onClick={() => revoke.mutate()}>
                  Take it back for good
                </Button>
                <Button size="sm" tone="quiet" onClick={() => setAsked(false)}>
                  Keep it
                </Button>
              </>
            ) : (
              <Button size="sm" tone="quiet" onClick={() => setAsked(true)}>
                Take back<span className="sr-only"> the link to {share.title}</span>
              </Button>
            )}
          </div>
        </>
      )}
    </li>
  );
}
