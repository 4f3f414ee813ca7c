import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useEffectEvent, useState, useSyncExternalStore } from "react";

import { keys } from "@/api/keys";
import { healthQuery, statusQuery } from "@/api/queries";
import { Link, navigate } from "@/app/navigation";
import { buttonLook } from "@/ui/button";
import { count } from "@/ui/format";
import { Failed } from "@/ui/states";

import { check, tooMany, type Checked, type Chosen } from "./checks";
import { DropZone } from "./drop-zone";
import { takeHanded } from "./handed";
import { sixViewsAmong } from "./six-views";
import { settleUnnamed, uploaderOf } from "./uploaders";

// What is shown of files comes with the first of them.
const SendForm = lazy(async () => ({ default: (await import("./send-form")).SendForm }));
const FileList = lazy(async () => ({ default: (await import("./file-list")).FileList }));
const Total = lazy(async () => ({ default: (await import("./total")).Total }));
const SetVerdict = lazy(async () => ({ default: (await import("./set-verdict")).SetVerdict }));

const NOTHING: Checked = { taken: [], refused: [], leftOut: 0, twice: 0 };

/** Files into a project: a new one, or one that there is. */
export function UploadPage({ projectId = null }: { projectId?: string | null }) {
  const uploader = uploaderOf(projectId);
  const view = useSyncExternalStore(uploader.subscribe, uploader.snapshot);
  const health = useQuery(healthQuery);
  const status = useQuery({ ...statusQuery(projectId ?? ""), enabled: projectId !== null });
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [checked, setChecked] = useState(NOTHING);
  const [failure, setFailure] = useState<unknown>(null);

  useEffect(() => {
    void uploader.resume();
  }, [uploader]);

  const { items, active } = view;
  const done = items.length > 0 && !active && items.every((item) => item.state === "done");
  useEffect(() => {
    // The verdict on the whole set is the project's; answers to single requests know only what had arrived by then.
    if (!active && projectId) void queries.invalidateQueries({ queryKey: keys.project(projectId) });
  }, [active, projectId, queries]);

  const waiting = items.filter((item) => item.state === "waiting");
  const photos = items.filter((item) => item.kind === "photo");
  const limits = health.data?.limits;
  const already = status.data?.usable_images ?? 0;
  const arrivedHere = items.some((item) => item.state === "done");
  const begun = active || items.some((item) => item.state === "done" || item.state === "failed");
  const surplus = begun ? null : tooMany(photos.length, already, limits);
  const sixViews = sixViewsAmong(photos) !== null;

  function take(chosen: Chosen[]): void {
    const found = check(chosen, items, limits);
    setChecked(found);
    uploader.add(found.taken);
  }
  const takeNow = useEffectEvent(take);
  useEffect(() => {
    const handed = takeHanded();
    if (handed.length) takeNow(handed);
  }, []);

  async function start(): Promise<void> {
    setFailure(null);
    try {
      const id = await uploader.start(name.trim() || nameFrom(items[0]?.path ?? ""));
      void queries.invalidateQueries({ queryKey: keys.projects });
      if (projectId === null) {
        settleUnnamed(id);
        navigate(`/projects/${id}/upload`, { replace: true });
      }
    } catch (cause) {
      setFailure(cause);
    }
  }

  return (
    <div className="mx-auto max-w-6xl space-y-4">
      <title>{`${projectId ? "Add photos" : "New project"} – Maquette`}</title>
      <header className="flex flex-wrap items-end justify-between gap-3">
        <div>
          {projectId && (
            <Link to={`/projects/${projectId}`} className="text-sm text-ink-soft underline-offset-4 hover:underline">
              {status.data?.project.name ?? "Project"}
            </Link>
          )}
          <h1 className="text-2xl tracking-tight">{projectId ? "Add photos" : "New project"}</h1>
        </div>
        {projectId && done && (
          <Link to={`/projects/${projectId}`} className={buttonLook("primary")}>
            Go on to the model
          </Link>
        )}
      </header>

      {status.isError && <Failed failure={status.error} retry={() => void status.refetch()} />}
      {failure !== null && <Failed failure={failure} retry={() => void start()} />}
      {!sixViews && <DropZone onChosen={take} small={items.length > 0} />}
      <Refused checked={checked} />
      {surplus && (
        <p role="alert" className="rounded-lg border border-warn/40 bg-warn-soft p-3 text-sm">
          {surplus}
        </p>
      )}

      <Suspense>
        {begun && <Total view={view} onStop={() => uploader.stop()} onRetry={() => uploader.retry()} />}
        {/* Where the verdict will stand, so that the files below do not jump when it comes. */}
        {active && photos.length > 0 && (
          <p className="min-h-24 rounded-xl border border-line p-4 text-sm text-ink-soft">
            Once all have arrived, you read here how well they fit together.
          </p>
        )}
        {!active && arrivedHere && <SetVerdict capture={status.data?.project.capture ?? undefined} made={(status.data?.models.length ?? 0) > 0} />}
      </Suspense>
      <Suspense>
        {!active && waiting.length > 0 && (
          <SendForm
            name={projectId === null ? name : null}
            placeholder={nameFrom(items[0]?.path ?? "")}
            onName={setName}
            what={sixViews ? "six views with depth" : count(waiting.length, "file")}
            options={sixViews ? null : view.options}
            onOptions={(options) => uploader.choose(options)}
            video={waiting.some((item) => item.kind === "video")}
            onSend={() => void start()}
          />
        )}
        {items.length > 0 && <FileList items={items} onRemove={active ? null : (id) => uploader.remove(id)} />}
      </Suspense>
    </div>
  );
}

/** What was left behind at the choosing, and why. */
function Refused({ checked }: { checked: Checked }) {
  const { refused, twice, leftOut } = checked;
  if (!refused.length && !twice) return null;
  return (
    <div role="alert" className="rounded-lg border border-warn/40 bg-warn-soft p-3 text-sm">
      {refused.length > 0 && <p className="font-medium">{count(refused.length, "file")} cannot be sent:</p>}
      <ul className="list-disc pl-5">
        {refused.slice(0, 5).map(({ path, reason }) => (
          <li key={path}>
            {path}: {reason}
          </li>
        ))}
        {refused.length > 5 && <li>and {refused.length - 5} more</li>}
      </ul>
      {twice > 0 && <p>{count(twice, "file")} had been chosen already.</p>}
      {leftOut > 0 && <p className="text-ink-soft">{count(leftOut, "hidden file")} left out.</p>}
    </div>
  );
}

/** The dropped folder's name, else that of the first file. */
function nameFrom(path: string): string {
  const [first = "", ...rest] = path.split("/");
  return rest.length ? first : first.replace(/\.[^.]*$/, "");
}
