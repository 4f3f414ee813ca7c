import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { asFailure } from "@/api/failure";
import { keys } from "@/api/keys";
import { API_ORIGIN, renderModel } from "@/api/connection";
import { bearer } from "@/api/credentials";
import { Skeleton } from "@/ui/states";

interface PrivatePictureProps {
  /** What it is kept by, and the call that gives it. */
  name: readonly unknown[];
  load: () => Promise<Blob>;
  alt: string;
  className?: string;
}

/** A picture that the API draws: fetched, not named as an image's address, for an image would carry no credentials. */
export function PrivatePicture({ name, load, alt, className = "" }: PrivatePictureProps) {
  const picture = useQuery({ queryKey: name, queryFn: load, staleTime: Infinity, gcTime: 120_000, retry: false });
  const url = useObjectUrl(picture.data);
  if (picture.isError) {
    const { message, code } = asFailure(picture.error);
    return (
      <span role="alert" className={`grid place-items-center bg-raised p-3 text-center text-sm text-ink-soft ${className}`}>
        <span>
          {message} <span className="font-mono text-xs">{code}</span>
        </span>
      </span>
    );
  }
  if (!url) return <Skeleton className={`rounded-none ${className}`} />;
  return <img src={url} alt={alt} className={className} />;
}

export function renderName(projectId: string, version: number, view: string): readonly unknown[] {
  return [...keys.project(projectId), "render", version, view];
}

/** A version from a view's camera. */
export function loadRender(projectId: string, version: number, view: string): () => Promise<Blob> {
  return () => renderModel({ path: { project_id: projectId, version }, query: { view } }) as unknown as Promise<Blob>;
}

/** A picture at an address that the API named, with the caller's own credentials. */
export function loadNamed(address: string): () => Promise<Blob> {
  return async () => {
    const token = await bearer();
    const response = await fetch(new URL(address, API_ORIGIN || location.origin), token ? { headers: { Authorization: `Bearer ${token}` } } : {}).catch(
      (cause: unknown) => {
        throw asFailure(cause);
      },
    );
    if (!response.ok) throw asFailure(await response.json().catch(() => null), response);
    return response.blob();
  };
}

/** An address for what was fetched, for as long as it is shown. */
export function useObjectUrl(blob: Blob | undefined): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}
