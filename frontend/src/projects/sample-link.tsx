import { toastFailure } from "@/ui/toast";

import { useSample } from "./use-sample";

/** The way to the sample for who has projects already: there, and no more than that. */
export function SampleLink() {
  const open = useSample();
  return (
    <button
      type="button"
      disabled={open.isPending}
      aria-busy={open.isPending || undefined}
      onClick={() => open.mutate(undefined, { onError: toastFailure })}
      className="min-h-10 rounded-md px-2 text-sm text-ink-soft underline-offset-4 hover:text-ink hover:underline"
    >
      Open the sample
    </button>
  );
}
