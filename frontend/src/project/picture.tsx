import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { renderModel, type Status } from "@/api/connection";
import { imagesQuery } from "@/api/queries";
import { IconPhoto } from "@/ui/icons";
import { Failed, Skeleton } from "@/ui/states";

/** What the project looks like: its chosen version drawn from a photo's place, or its photos before there is one. */
export function Picture({ status }: { status: Status }) {
  const shown = status.models.find((model) => model.promoted);
  return shown ? (
    <Render projectId={status.project.id} version={shown.version} />
  ) : (
    <Photos projectId={status.project.id} />
  );
}

function Render({ projectId, version }: { projectId: string; version: number }) {
  const picture = useQuery({
    queryKey: ["project", projectId, "render", version],
    // By fetch, not as the address of an image: where the server wants credentials an image carries none.
    queryFn: () =>
      renderModel({
        path: { project_id: projectId, version },
        query: { width: 1280, height: 1280 },
        parseAs: "blob",
      }) as Promise<Blob>,
    staleTime: Infinity,
  });
  const url = useObjectUrl(picture.data);
  return (
    <figure className="overflow-hidden rounded-xl border border-line bg-surface">
      <div className="grid aspect-4/3 max-h-[72dvh] w-full place-items-center bg-raised">
        {picture.isError && (
          <div className="p-4">
            <Failed failure={picture.error} retry={() => void picture.refetch()} />
          </div>
        )}
        {picture.isPending && <Skeleton className="size-full rounded-none" />}
        {url && <img src={url} alt={`Version ${version} of the model`} className="size-full max-h-[72dvh] object-contain" />}
      </div>
      <figcaption className="border-t border-line px-4 py-2 text-sm text-ink-soft">
        Version {version}, drawn from where a photo was taken that it had not learnt from
      </figcaption>
    </figure>
  );
}

function Photos({ projectId }: { projectId: string }) {
  const photos = useQuery(imagesQuery(projectId));
  if (photos.isError) return <Failed failure={photos.error} retry={() => void photos.refetch()} />;
  if (photos.isPending) return <Skeleton className="aspect-4/3 max-h-[72dvh]" />;
  const usable = photos.data.filter((photo) => photo.processed_url && photo.verdict !== "rejected");
  if (!usable.length) {
    return (
      <div className="grid aspect-4/3 max-h-[50dvh] w-full place-items-center rounded-xl border border-dashed border-line-strong bg-surface text-center text-ink-soft">
        <p className="space-y-2">
          <IconPhoto className="mx-auto size-10" />
          <span className="block">No photos yet</span>
        </p>
      </div>
    );
  }
  return (
    <ul className="grid grid-cols-[repeat(auto-fill,minmax(9rem,1fr))] gap-2" aria-label="Photos">
      {usable.map((photo) => (
        <li key={photo.id} className="aspect-4/3 overflow-hidden rounded-lg bg-raised">
          <img
            src={photo.processed_url ?? ""}
            alt={photo.filename}
            loading="lazy"
            decoding="async"
            className="size-full object-cover"
          />
        </li>
      ))}
    </ul>
  );
}

function useObjectUrl(blob: Blob | undefined): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}
