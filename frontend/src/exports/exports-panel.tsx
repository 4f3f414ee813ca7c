import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";

import type { Export, Run } from "@/api/connection";
import { exportsQuery, formatsQuery, runsQuery, statusQuery } from "@/api/queries";
import { Button } from "@/ui/button";
import { IconPlus } from "@/ui/icons";
import { Empty, Failed, Skeleton } from "@/ui/states";

import { ArchiveButton } from "./archive-button";
import { ExportRow } from "./export-row";
import { wantedFor, type Wanted } from "./options";
import { RunRow } from "./run-row";

const ExportDialog = lazy(async () => ({ default: (await import("./export-dialog")).ExportDialog }));

/** Signed addresses live for an hour unless the server is set otherwise. */
const NEW_ADDRESSES_MS = 20 * 60_000;

type Asked = { first?: { format: string; wanted: Wanted } } | null;

/** The files of a project to take away: those that are there, those in the making, and the way to make one. */
export function ExportsPanel({ projectId }: { projectId: string }) {
  const files = useQuery({ ...exportsQuery(projectId), refetchInterval: NEW_ADDRESSES_MS });
  const formats = useQuery(formatsQuery);
  const runs = useQuery(runsQuery(projectId));
  const status = useQuery(statusQuery(projectId));
  const [asked, setAsked] = useState<Asked>(null);
  const [begun, setBegun] = useState<readonly string[]>([]);

  const models = status.data?.models ?? [];
  const current = status.data?.current_run ?? null;
  const format = (name: string) => formats.data?.items.find((one) => one.name === name);
  const again = (name: string, version: number, options: Readonly<Record<string, unknown>>) =>
    setAsked({ first: { format: name, wanted: wantedFor(version, options) } });
  const shownRuns = (runs.data ?? []).filter(
    (run) => run.step === "export" && (isOpen(run) || (run.status === "failed" && begun.includes(run.id))),
  );
  const newestFirst: Export[] = files.data?.toReversed() ?? [];
  const note = (runId: string) => setBegun([...begun, runId]);

  return (
    <section aria-label="Files to take away" className="space-y-3">
      {models.length > 0 && (
        <div className="flex flex-wrap justify-end gap-2">
          <ArchiveButton projectId={projectId} name={status.data?.project.name ?? "model"} onBegun={note} />
          <Button size="sm" tone="primary" onClick={() => setAsked({})}>
            <IconPlus /> Make a file
          </Button>
        </div>
      )}
      {files.isError && <Failed failure={files.error} retry={() => void files.refetch()} />}
      {(files.isPending || status.isPending) && <Waiting />}
      {files.data && status.data && newestFirst.length + shownRuns.length === 0 && (
        <Empty
          title="No files yet"
          text={
            models.length > 0
              ? "Make one for Blender, a phone, a web page, a printer: whatever the model is for."
              : "There is no model yet that a file could be made of."
          }
        />
      )}
      {newestFirst.length + shownRuns.length > 0 && (
        <ul className="divide-y divide-line rounded-xl border border-line bg-surface">
          {shownRuns.map((run) => (
            <RunRow
              key={run.id}
              run={run}
              current={current?.run_id === run.id ? current : null}
              onAgain={() => again(String(run.parameters.format), Number(run.parameters.version), run.parameters)}
            />
          ))}
          {newestFirst.map((file) => (
            <ExportRow key={file.id} file={file} format={format(file.format)} onAgain={() => again(file.format, file.version, file.options)} />
          ))}
        </ul>
      )}
      <Suspense>
        {asked && <ExportDialog projectId={projectId} models={models} {...asked} onBegun={note} onClose={() => setAsked(null)} />}
      </Suspense>
    </section>
  );
}

function isOpen(run: Run): boolean {
  return run.status === "queued" || run.status === "running";
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading the files" className="space-y-px overflow-hidden rounded-xl border border-line">
      {[0, 1, 2].map((index) => (
        <Skeleton key={index} className="h-24 rounded-none" />
      ))}
    </div>
  );
}
