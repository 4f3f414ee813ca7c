import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";

import { readShared, type Shared } from "@/api/connection";
import { usePlace } from "@/app/navigation";
import { ThemeSwitch } from "@/app/theme-switch";
import { Button } from "@/ui/button";
import { IconCube, IconRetry } from "@/ui/icons";

import { isBare, whyNothing } from "./states";

const Viewer = lazy(async () => ({ default: (await import("@/viewer")).Viewer }));
const Downloads = lazy(async () => ({ default: (await import("./downloads")).Downloads }));

/** Before the quarter of an hour that addresses live is over. */
const NEW_ADDRESSES_MS = 10 * 60_000;

/** What somebody sees who was sent a link: one model, without signing in. */
export function SharedPage({ shareKey }: { shareKey: string }) {
  const { query } = usePlace();
  const bare = isBare(query);
  const shared = useQuery({
    queryKey: ["shared", shareKey],
    queryFn: () => readShared({ path: { share_key: shareKey } }),
    staleTime: NEW_ADDRESSES_MS,
    refetchInterval: NEW_ADDRESSES_MS,
  });
  const fresh = async () => (await shared.refetch()).data;

  // What is on the screen stays there while a single question goes unanswered; a link that has ended has ended.
  const over = shared.isError && (!shared.data || !whyNothing(shared.error).retry);
  if (over) return <Nothing failure={shared.error} retry={() => void shared.refetch()} busy={shared.isFetching} />;
  return (
    <div className="flex h-dvh flex-col overflow-hidden">
      <title>{shared.data?.title ?? "A 3D model"}</title>
      {/* A link is a password: it is for those who have it, not for those who search. */}
      <meta name="robots" content="noindex" />
      {!bare && (
        <header className="flex h-14 shrink-0 items-center gap-3 border-b border-line bg-surface px-4">
          <h1 dir="auto" className="min-w-0 grow truncate text-left text-lg" title={shared.data?.title}>
            {shared.data?.title ?? <span className="sr-only">A 3D model</span>}
          </h1>
          <ThemeSwitch />
          {shared.data?.allow_download && (
            <Suspense>
              <Downloads shared={shared.data} fresh={fresh} />
            </Suspense>
          )}
        </header>
      )}
      <main className="relative min-h-0 grow bg-black">
        {shared.data ? <Model shared={shared.data} bare={bare} onRetry={fresh} /> : <Waits />}
      </main>
    </div>
  );
}

function Model({ shared, bare, onRetry }: { shared: Shared; bare: boolean; onRetry: () => Promise<unknown> }) {
  const poster = <img src={shared.preview_url} alt="" className="absolute inset-0 size-full object-contain" />;
  const cameras = shared.cameras.map((camera) => ({ ...camera, name: `Photo ${camera.view_index + 1}` }));
  return (
    <Suspense fallback={poster}>
      <Viewer
        className="absolute inset-0 size-full"
        model={{ splatUrl: shared.model_url, kind: "ply", bytes: shared.formats.find(({ format }) => format === "ply")?.bytes ?? null }}
        posterUrl={shared.preview_url}
        cameras={cameras}
        start={shared.start_camera}
        controls={bare ? "none" : "minimal"}
        title={shared.title}
        onRetry={async () => void (await onRetry())}
      />
    </Suspense>
  );
}

function Waits() {
  return (
    <div role="status" className="grid size-full place-items-center text-white/70">
      <span aria-hidden className="size-6 animate-spin rounded-full border-2 border-current border-r-transparent" />
      <span className="sr-only">Loading the model …</span>
    </div>
  );
}

function Nothing({ failure, retry, busy }: { failure: unknown; retry: () => void; busy: boolean }) {
  const { title, text, retry: mayHelp } = whyNothing(failure);
  return (
    <main className="grid h-dvh place-items-center p-6 text-center">
      <title>{title}</title>
      <div role="alert" className="flex max-w-md flex-col items-center gap-3">
        <IconCube className="size-10 text-ink-soft" />
        <h1 className="text-xl">{title}</h1>
        <p className="text-ink-soft">{text}</p>
        {mayHelp && (
          <Button onClick={retry} busy={busy}>
            <IconRetry /> Try again
          </Button>
        )}
      </div>
    </main>
  );
}
