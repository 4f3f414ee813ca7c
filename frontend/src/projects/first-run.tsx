import { Link } from "@/app/navigation";
import { buttonLook } from "@/ui/button";
import { IconCube, IconPhoto, IconRefine, IconUpload } from "@/ui/icons";

const STEPS = [
  { icon: IconPhoto, title: "Walk around it", text: "20 to 40 sharp photos from all sides, each overlapping the last. A slow video does as well." },
  { icon: IconUpload, title: "Drop the files", text: "Every photo is checked while it arrives, and you learn what to take again." },
  { icon: IconCube, title: "Turn the model", text: "A first model comes in minutes. You see it grow, and how well it fits photos it has not seen." },
  { icon: IconRefine, title: "Refine, share, take away", text: "Better versions, a link for others, and files for Blender, Unity, browsers or printing." },
];

/** What somebody sees who has no project yet. */
export function FirstRun() {
  return (
    <div className="mx-auto max-w-4xl space-y-10 py-8 sm:py-14">
      <title>Begin – Maquette</title>
      <header className="space-y-3 text-center">
        <h1 className="text-3xl tracking-tight">Make a 3D model from photos</h1>
        <p className="mx-auto max-w-xl text-ink-soft">
          Photos go in, a model that you can turn comes out. Everything stays on this server.
        </p>
        <div className="flex flex-wrap justify-center gap-3 pt-2">
          <Link to="/projects/new" className={buttonLook("primary")}>
            <IconUpload /> Choose photos
          </Link>
        </div>
      </header>
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
