import { queryOptions, useQuery } from "@tanstack/react-query";

import { listShares, type Share } from "@/api/connection";
import { keys } from "@/api/keys";
import { everything, statusQuery } from "@/api/queries";
import { count } from "@/ui/format";
import { Failed, Skeleton } from "@/ui/states";

import { NewShare } from "./new-share";
import { ShareRow } from "./share-row";

const sharesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.list(id, "shares"),
    queryFn: () => everything((cursor) => listShares({ path: { project_id: id }, query: { limit: 200, cursor } })),
  });

/** The links of a project: those there are, and a new one. */
export function SharePanel({ projectId }: { projectId: string }) {
  const shares = useQuery(sharesQuery(projectId));
  const status = useQuery(statusQuery(projectId));
  if (shares.isError || status.isError) {
    const retry = () => void Promise.all([shares.refetch(), status.refetch()]);
    return <Failed failure={shares.error ?? status.error} retry={retry} />;
  }
  if (!shares.data || !status.data) return <Waiting />;
  const { project, models } = status.data;
  const open = shares.data.filter(({ state }) => state === "active");
  const ended = shares.data.filter(({ state }) => state !== "active");
  return (
    <div className="space-y-5">
      {models.length === 0 ? (
        <p className="text-ink-soft">There is no model to share yet.</p>
      ) : (
        <NewShare projectId={projectId} name={project.name} models={models} />
      )}
      {open.length > 0 ? (
        <Links label="Links that work" shares={open} />
      ) : (
        <p className="text-sm text-ink-soft">No link works: only you see this project.</p>
      )}
      {ended.length > 0 && (
        <details>
          <summary className="cursor-pointer text-sm text-ink-soft">{count(ended.length, "link that has ended", "links that have ended")}</summary>
          <div className="pt-3">
            <Links label="Links that have ended" shares={ended} />
          </div>
        </details>
      )}
    </div>
  );
}

function Links({ label, shares }: { label: string; shares: readonly Share[] }) {
  return (
    <ul aria-label={label} className="divide-y divide-line rounded-xl border border-line">
      {shares.map((share) => (
        <ShareRow key={share.id} share={share} />
      ))}
    </ul>
  );
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading the links" className="space-y-3">
      <Skeleton className="h-10" />
      <Skeleton className="h-10" />
      <Skeleton className="h-28" />
    </div>
  );
}
