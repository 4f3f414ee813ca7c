import { useQuery } from "@tanstack/react-query";

import type { Model } from "@/api/connection";
import { asFailure } from "@/api/failure";
import { keys } from "@/api/keys";

import { useObjectUrl } from "./pictures/private-picture";
import { viewsQuery } from "./queries";

const GAP_PX = 4;

/** The version alone as a picture: the first render of its preview, which is a sheet of photos beside their renders. */
export function usePoster(projectId: string, model: Model): string | null {
  const views = useQuery(viewsQuery(projectId));
  const camera = views.data?.find((view) => view.run_id === model.view_run_id)?.camera as { width: number; height: number } | undefined;
  const ratio = camera && camera.width / camera.height;
  const poster = useQuery({
    queryKey: [...keys.project(projectId), "poster", model.version, model.view_run_id],
    queryFn: () => firstRenderOf(model.preview_url ?? "", ratio ?? 1),
    enabled: Boolean(ratio && model.preview_url),
    staleTime: Infinity,
    retry: false,
  });
  return useObjectUrl(poster.data);
}

async function firstRenderOf(url: string, ratio: number): Promise<Blob> {
  const answer = await fetch(url).catch((cause: unknown) => {
    throw asFailure(cause);
  });
  if (!answer.ok) throw asFailure(null, answer);
  const sheet = await createImageBitmap(await answer.blob());
  const { x, width, height } = firstRender(sheet.width, sheet.height, ratio);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.drawImage(sheet, x, 0, width, height, 0, 0, width, height);
  sheet.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}

/** Where the first render lies on a sheet of rows of two pictures, each `ratio` wide by high. px. */
export function firstRender(sheetWidth: number, sheetHeight: number, ratio: number): { x: number; width: number; height: number } {
  const width = Math.floor((sheetWidth - GAP_PX) / 2);
  const rows = Math.max(1, Math.round((sheetHeight + GAP_PX) / (width / ratio + GAP_PX)));
  return { x: sheetWidth - width, width, height: Math.floor((sheetHeight + GAP_PX) / rows) - GAP_PX };
}
