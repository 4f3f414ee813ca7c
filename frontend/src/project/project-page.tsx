import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";

import { statusQuery } from "@/api/queries";
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

const COLUMNS = "grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_22rem] xl:grid-cols-[minmax(0,1fr)_25rem]";
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

  if (status.isError && !status.data) return <Failed failure={status.error} retry={() => void status.refetch()} />;
  if (!status.data) return <PageSkeleton />;
  const { data } = status;
  return (
    <div className="space-y-5">
      <title>{`${data.project.name} – Maquette`}</title>
      <Header project={data.project} />
      <div className={COLUMNS}>
        <Showcase projectId={projectId} title={data.project.name} version={version} beside={beside} />
        <aside className="min-w-0 space-y-4">
          <Actions status={data} onAsk={setAsked} />
          <Timeline projectId={projectId} current={data.current_run} />
          <Facts status={data} />
        </aside>
      </div>
      <Suspense fallback={<div className="min-h-[80dvh]" />}>
        <Parts status={data} onRefineFrom={(from) => setAsked({ step: "refine", from })} />
      </Suspense>
      <Dialogs asked={asked} status={data} onClose={() => setAsked(null)} />
    </div>
  );
}

function PageSkeleton() {
  return (
    <div role="status" aria-label="Loading the project" className="space-y-5">
      <Skeleton className="h-14 w-64" />
      <div className={COLUMNS}>
        <Skeleton className="aspect-4/3 max-h-[72dvh] min-h-64" />
        <Skeleton className="h-96" />
      </div>
    </div>
  );
}
