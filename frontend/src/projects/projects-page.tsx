import { useInfiniteQuery } from "@tanstack/react-query";
import { lazy, Suspense, useDeferredValue, useState } from "react";

import { projectsQuery } from "@/api/queries";
import { useSlowPolling } from "@/live/state";
import { Button } from "@/ui/button";
import { count } from "@/ui/format";
import { Empty, Failed } from "@/ui/states";

import { Card, CardSkeleton } from "./card";
import { Filters } from "./filters";
import { SampleLink } from "./sample-link";
import { choose, type Shown } from "./states";
import { useProjectsLive } from "./use-projects-live";

// Seen once in a lifetime: who has projects does not wait for it.
const FirstRun = lazy(async () => ({ default: (await import("./first-run")).FirstRun }));

const GRID = "grid grid-cols-[repeat(auto-fill,minmax(min(17rem,100%),1fr))] gap-4";

export function ProjectsPage() {
  useProjectsLive();
  const polling = useSlowPolling();
  const list = useInfiniteQuery({ ...projectsQuery, refetchInterval: polling });
  const [typed, setTyped] = useState("");
  const [shown, setShown] = useState<Shown>("all");
  const words = useDeferredValue(typed);
  const projects = list.data?.pages.flatMap((page) => page.items) ?? [];
  const chosen = choose(projects, words, shown);

  if (list.isSuccess && projects.length === 0) {
    return (
      <Suspense>
        <FirstRun />
      </Suspense>
    );
  }
  return (
    <div className="space-y-5">
      <title>Projects – Maquette</title>
      <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <h1 className="text-2xl tracking-tight">Projects</h1>
        <Filters typed={typed} onType={setTyped} shown={shown} onShow={setShown} />
      </div>
      {list.isError && <Failed failure={list.error} retry={() => void list.refetch()} />}
      {list.isPending && (
        <div className={GRID} role="status" aria-label="Loading projects">
          {Array.from({ length: 6 }, (_, index) => (
            <CardSkeleton key={index} />
          ))}
        </div>
      )}
      {list.isSuccess && chosen.length === 0 && (
        <Empty
          title="No project fits"
          text={`None of ${count(projects.length, "loaded project")} has these words and this state.`}
          action={
            <Button
              onClick={() => {
                setTyped("");
                setShown("all");
              }}
            >
              Show all
            </Button>
          }
        />
      )}
      <ul className={GRID}>
        {chosen.map((project) => (
          <li key={project.id}>
            <Card project={project} />
          </li>
        ))}
      </ul>
      {list.isSuccess && !list.hasNextPage && (
        <div className="flex justify-center">
          <SampleLink />
        </div>
      )}
      {list.hasNextPage && (
        <div className="flex justify-center">
          <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show older projects
          </Button>
        </div>
      )}
    </div>
  );
}
