import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from "react";

import { Skeleton } from "@/ui/states";

const Lightbox = lazy(async () => ({ default: (await import("./lightbox")).Lightbox }));

export interface Tile {
  id: string;
  title: string;
  thumbnail: string | null;
  /** Under the thumbnail, a line. */
  line?: ReactNode;
  /** On the thumbnail's corner. */
  mark?: ReactNode;
  /** What the lightbox shows large, and beside it; made when it is opened. */
  large: () => ReactNode;
  about?: () => ReactNode;
}

/** Pictures as a grid; each opens large, with arrow keys from one to the next. */
export function Gallery({ tiles, label }: { tiles: readonly Tile[]; label: string }) {
  const [open, setOpen] = useState<string | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const at = tiles.findIndex((tile) => tile.id === open);
  // Back to the tile of the picture that was looked at last.
  const last = useRef(0);
  useEffect(() => {
    if (at >= 0) last.current = at;
  }, [at]);
  return (
    <>
      <ul ref={list} aria-label={label} className="grid grid-cols-[repeat(auto-fill,minmax(min(10rem,44%),1fr))] gap-3">
        {tiles.map((tile) => (
          <li key={tile.id}>
            <button
              type="button"
              onClick={() => setOpen(tile.id)}
              className="group block w-full overflow-hidden rounded-lg border border-line bg-surface text-left hover:border-line-strong"
            >
              <span className="relative block aspect-4/3 bg-raised">
                {tile.thumbnail ? (
                  <img
                    src={tile.thumbnail}
                    alt=""
                    loading="lazy"
                    decoding="async"
                    className="size-full object-cover"
                  />
                ) : (
                  <span className="grid size-full place-items-center p-2 text-center text-xs text-ink-soft">Its picture is no longer kept</span>
                )}
                {tile.mark && <span className="absolute top-1.5 left-1.5 flex flex-col items-start gap-1">{tile.mark}</span>}
              </span>
              <span className="block px-2 py-1.5">
                <span className="block truncate text-sm">{tile.title}</span>
                {tile.line && <span className="block truncate text-xs text-ink-soft">{tile.line}</span>}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {at >= 0 && (
        <Suspense>
          <Lightbox tiles={tiles} at={at} onMove={(to) => setOpen(tiles[to]?.id ?? null)} onClose={() => setOpen(null)} onClosed={() => list.current?.querySelectorAll("button")[last.current]?.focus()} />
        </Suspense>
      )}
    </>
  );
}

export function GallerySkeleton() {
  return (
    <div role="status" aria-label="Loading pictures" className="grid grid-cols-[repeat(auto-fill,minmax(min(10rem,44%),1fr))] gap-3">
      {Array.from({ length: 8 }, (_, index) => (
        <Skeleton key={index} className="aspect-4/3.6" />
      ))}
    </div>
  );
}
