import { navigate } from "@/app/navigation";
import { IconCube, IconPhoto, IconRefine, IconUpload } from "@/ui/icons";
import type { Chosen } from "@/upload/checks";
import { DropZone } from "@/upload/drop-zone";
import { handOver } from "@/upload/handed";

import { SampleCard } from "./sample-card";

const STEPS = [
  { icon: IconPhoto, title: "Walk around it", text: "20 to 40 sharp photos from all sides, each overlapping the last. A slow video does as well." },
  { icon: IconUpload, title: "Drop the files", text: "Every photo is checked while it arrives, and you learn what to take again." },
  { icon: IconCube, title: "Turn the model", text: "A first model comes in minutes. You see it grow, and how well it fits photos it has not seen." },
  { icon: IconRefine, title: "Refine, share, take away", text: "Better versions, a link for others, and files for Blender, Unity, browsers or printing." },
];

function take(chosen: Chosen[]): void {
  if (!chosen.length) return;
  handOver(chosen);
  navigate("/projects/new");
}

/** What somebody sees who has no project yet. */
export function FirstRun() {
  return (
    <div className="mx-auto max-w-4xl space-y-8 py-4 sm:py-8">
      <title>Begin – Maquette</title>
      <header className="space-y-3 text-center">
        <h1 className="text-3xl tracking-tight">Make a 3D model from photos</h1>
        <p className="mx-auto max-w-xl text-ink-soft">
          Photos go in, a model that you can turn comes out. Everything stays on this server.
        </p>
      </header>
      <DropZone onChosen={take} small={false} />
      <SampleCard />
      <ol className="grid gap-4 sm:grid-cols-2 lg:grid-cols-4">
        {STEPS.map(({ icon: Icon, title, text }, index) => (
          <li key={title} className="space-y-2 rounded-xl border border-line bg-surface p-4">
            <Icon className="size-6 text-accent" />
            <h2 className="text-base">
              <span className="text-ink-soft">{index + 1}.</span> {title}
            </h2>
            <p className="text-sm text-ink-soft">{text}</p>
          </li>
        ))}
      </ol>
    </div>
  );
}
