/** A PNG of what is seen: the page's background, the render, the photo over it. */

import type { Blending } from "./controls/photo";

interface Seen {
  render: ImageBitmap;
  /** Any element of the viewer whose background is the viewer's. */
  behind: HTMLElement;
  /** Share of the width left of the line between two versions; null where there is one. */
  split: number | null;
  photo: HTMLImageElement | null;
  blending: Blending;
}

export async function picture({ render, behind, split, photo, blending }: Seen): Promise<Blob> {
  const canvas = new OffscreenCanvas(render.width, render.height);
  const pen = canvas.getContext("2d")!;
  const background = getComputedStyle(behind).backgroundColor;
  if (background) pen.fillStyle = background;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(render, 0, 0);
  render.close();
  if (split !== null) {
    pen.fillStyle = "#fff";
    pen.fillRect(Math.round(split * canvas.width) - 1, 0, 2, canvas.height);
  }
  if (photo?.complete) {
    const scale = canvas.width / photo.parentElement!.clientWidth;
    const beside = blending.mode === "split";
    pen.globalAlpha = beside ? 1 : blending.opacity;
    pen.beginPath();
    pen.rect(0, 0, canvas.width * (beside ? blending.share : 1), canvas.height);
    pen.clip();
    pen.drawImage(photo, photo.offsetLeft * scale, photo.offsetTop * scale, photo.offsetWidth * scale, photo.offsetHeight * scale);
  }
  return canvas.convertToBlob({ type: "image/png" });
}

export function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The click only begins the download.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A title as a file name that every system takes. */
export function fileName(title: string): string {
  const words = title.normalize("NFKD").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return `${words.slice(0, 80) || "model"}.png`;
}
