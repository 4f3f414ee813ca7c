import { queryOptions, useQuery } from "@tanstack/react-query";

import { listShares } from "@/api/connection";
import { keys } from "@/api/keys";
import { everything, statusQuery } from "@/api/queries";
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
  return (
    <div className="space-y-5">
      {models.length === 0 ? (
        <p className="text-ink-soft">There is no model to share yet.</p>
      ) : (
        <NewShare projectId={projectId} name={project.name} models={models} />
      )}
      {shares.data.length > 0 ? (
        <ul aria-label="Links" className="divide-y divide-line rounded-xl border border-line">
          {shares.data.map((share) => (
            <ShareRow key={share.id} share={share} />
          ))}
        </ul>
      ) : (
        <p className="text-sm text-ink-soft">No links yet: only you see this project.</p>
      )}
    </div>
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
