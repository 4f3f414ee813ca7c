import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState } from "react";

import { ApiFailure } from "@/api/failure";
import { keys } from "@/api/keys";
import { statusQuery } from "@/api/queries";
import { Lost } from "@/app/lost";
import { useSlowPolling } from "@/live/state";
import { useProjectLive } from "@/live/use-project-live";
import { Failed, Skeleton } from "@/ui/states";

import { Actions } from "./actions";
import { Dialogs, type Asked } from "./dialogs";
import { Facts } from "./facts";
import { Header } from "./header";
import { useLooked } from "./place";
import { Showcase } from "./showcase";
import { Timeline } from "./timeline";

const Parts = lazy(async () => ({ default: (await import("./parts")).Parts }));

// What is happening stands beside all the rest, so that nothing moves when it grows.
const COLUMNS = "grid items-start gap-5 lg:grid-rows-[auto_1fr] lg:grid-cols-[minmax(0,1fr)_22rem] xl:grid-cols-[minmax(0,1fr)_25rem]";
/** Realtime tells nobody about other people's runs, so the place in line is asked for while a run waits there. */
const IN_LINE_MS = 15_000;

/** A project: what it looks like, what is happening to it, and what can be done next. */
export function ProjectPage({ projectId }: { projectId: string }) {
  useProjectLive(projectId);
  const slowly = useSlowPolling();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [{ version, beside }] = useLooked();
  const status = useQuery({
    ...statusQuery(projectId),
    refetchInterval: (query) => (query.state.data?.current_run?.status === "queued" ? IN_LINE_MS : slowly),
  });

  useListsWithoutLine(projectId, status.data?.event_seq, slowly !== false);

  if (status.error instanceof ApiFailure && status.error.code === "project_not_found") return <Lost />;
  if (status.isError && !status.data) return <Failed failure={status.error} retry={() => void status.refetch()} />;
  if (!status.data) return <PageSkeleton />;
  const { data } = status;
  return (
    <div className="space-y-5">
      <title>{`${data.project.name} – Maquette`}</title>
      <Header project={data.project} />
      <div className={COLUMNS}>
        <Showcase project={data.project} version={version} beside={beside} />
        <aside className="min-w-0 space-y-4 lg:col-start-2 lg:row-span-2">
          <Actions status={data} onAsk={setAsked} />
          <Timeline projectId={projectId} current={data.current_run} />
          <Facts status={data} />
        </aside>
        <Suspense fallback={<div className="min-h-[80dvh]" />}>
          <Parts status={data} onRefineFrom={(from) => setAsked({ step: "refine", from })} />
        </Suspense>
      </div>
      <Dialogs asked={asked} status={data} onClose={() => setAsked(null)} />
    </div>
  );
}

/** While the live line is down, a status with newer events says that the lists have to be read as well. */
function useListsWithoutLine(projectId: string, eventSeq: number | undefined, down: boolean): void {
  const queries = useQueryClient();
  const seen = useRef(eventSeq);
  useEffect(() => {
    const newer = seen.current !== undefined && eventSeq !== undefined && eventSeq > seen.current;
    seen.current = eventSeq;
    if (!down || !newer) return;
    void queries.invalidateQueries({ queryKey: keys.project(projectId), predicate: ({ queryKey }) => queryKey[2] !== "status" });
  }, [queries, projectId, eventSeq, down]);
}

function PageSkeleton() {
  return (
    <div role="status" aria-label="Loading the project" className="space-y-5">
      <Skeleton className="h-14 w-64" />
      <div className={COLUMNS}>
        <Skeleton className="aspect-4/3 max-h-[72dvh] min-h-64 max-sm:aspect-square" />
        <Skeleton className="h-96" />
      </div>
    </div>
  );
}
