import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";

import { modelsQuery } from "@/api/queries";
import { Empty, Failed, Skeleton } from "@/ui/states";

import { useLooked } from "../place";
import { rowsOf } from "./tree";
import { VersionRow } from "./version-row";

const Comparison = lazy(async () => ({ default: (await import("./comparison")).Comparison }));

interface VersionsTabProps {
  projectId: string;
  onRefineFrom: (version: number) => void;
}

export function VersionsTab({ projectId, onRefineFrom }: VersionsTabProps) {
  const models = useQuery(modelsQuery(projectId));
  const [{ version, beside }, look] = useLooked();
  if (models.isPending) return <Skeleton className="h-48" />;
  if (models.isError) return <Failed failure={models.error} retry={() => void models.refetch()} />;
  if (models.data.length === 0) return <Empty title="No versions yet" text="The first is made from the photos; each round of a refine makes another." />;
  const promoted = models.data.find((model) => model.promoted)?.version ?? null;
  const shown = version ?? promoted;
  const other = beside !== null && beside !== shown && models.data.some((model) => model.version === beside) ? beside : null;
  return (
    <div className="space-y-6">
      <ol aria-label="Versions, as they came of one another" className="overflow-hidden rounded-lg border border-line bg-surface">
        {rowsOf(models.data).map((row) => (
          <VersionRow
            key={row.model.id}
            row={row}
            projectId={projectId}
            shown={row.model.version === shown}
            beside={row.model.version === other}
            onShow={() => look({ version: row.model.version === promoted ? null : row.model.version, beside: null })}
            onCompare={() => look({ beside: row.model.version === other ? null : row.model.version })}
            onRefineFrom={() => onRefineFrom(row.model.version)}
          />
        ))}
      </ol>
      {models.data.length > 1 && shown !== null && (
        <Suspense fallback={<Skeleton className="h-64" />}>
          <Comparison
            projectId={projectId}
            models={models.data}
            a={other ?? models.data.find((model) => model.version === shown)?.parent_version ?? null}
            b={shown}
            onChoose={(a, b) => look({ version: b === promoted ? null : b, beside: a })}
          />
        </Suspense>
      )}
    </div>
  );
}
