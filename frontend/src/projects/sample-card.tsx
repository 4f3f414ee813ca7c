import { Button } from "@/ui/button";
import { count, decibels } from "@/ui/format";
import { Failed } from "@/ui/states";

import sample from "./sample.json";
import poster from "./sample.webp";
import { useSample } from "./use-sample";

/** A finished project to look at, for who has no photos at hand. */
export function SampleCard() {
  const open = useSample();
  return (
    <section aria-labelledby="sample" className="overflow-hidden rounded-xl border border-line bg-surface sm:flex">
      <img
        src={poster}
        alt="A vase, a bowl of fruit and books on a table: a render of the sample's model"
        width={sample.width}
        height={sample.height}
        className="aspect-4/3 w-full bg-raised object-cover sm:w-72"
      />
      <div className="flex grow flex-col justify-center gap-3 p-5">
        <div className="space-y-1">
          <p className="text-sm text-ink-soft">No photos at hand?</p>
          <h2 id="sample" className="text-lg">
            {sample.name}
          </h2>
          <p className="text-sm text-ink-soft tabular-nums">
            {count(sample.photos, "photo")} · {count(sample.versions, "version")} · {decibels(sample.psnr)}
          </p>
        </div>
        <p className="text-sm text-ink-soft">
          A finished project of pictures that Maquette painted itself. Turn it, refine it, export it, delete it.
        </p>
        <div>
          <Button busy={open.isPending} onClick={() => open.mutate()}>
            Open the sample
          </Button>
        </div>
        {open.isError && <Failed failure={open.error} />}
      </div>
    </section>
  );
}
