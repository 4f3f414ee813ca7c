import { useQuery } from "@tanstack/react-query";

import { statusQuery } from "@/api/queries";
import { useSlowPolling } from "@/live/state";
import { useProjectLive } from "@/live/use-project-live";
import { Failed, Skeleton } from "@/ui/states";

import { Actions } from "./actions";
import { Facts } from "./facts";
import { FailedRun } from "./failed-run";
import { Header } from "./header";
import { Picture } from "./picture";
import { RunPanel } from "./run-panel";

/** A project: what it looks like, what is happening to it, and what can be done next. */
export function ProjectPage({ projectId }: { projectId: string }) {
  useProjectLive(projectId);
  const polling = useSlowPolling();
  const status = useQuery({ ...statusQuery(projectId), refetchInterval: polling });

  if (status.isError && !status.data) return <Failed failure={status.error} retry={() => void status.refetch()} />;
  if (!status.data) return <PageSkeleton />;
  const { data } = status;
  return (
    <div className="space-y-5">
      <title>{`${data.project.name} – Maquette`}</title>
      <Header project={data.project} />
      {data.current_run ? (
        <RunPanel run={data.current_run} waiting={data.waiting_runs} projectId={projectId} />
      ) : (
        data.last_error && <FailedRun projectId={projectId} />
      )}
      <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <Picture status={data} />
        <aside className="space-y-4">
          <Actions status={data} />
          <Facts status={data} />
        </aside>
      </div>
    </div>
  );
}

function PageSkeleton() {
  return (
    <div role="status" aria-label="Loading the project" className="space-y-5">
      <Skeleton className="h-9 w-64" />
      <div className="grid gap-5 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <Skeleton className="aspect-4/3 max-h-[70dvh]" />
        <Skeleton className="h-64" />
      </div>
    </div>
  );
}
