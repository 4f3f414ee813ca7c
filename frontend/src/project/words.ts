import type { Run } from "@/api/connection";
import type { BadgeTone } from "@/ui/badge";

export type Step = Run["step"];

/** The steps as people speak of them. */
export const STEPS: Record<Step, { name: string; doing: string }> = {
  upload: { name: "Upload", doing: "Taking in photos" },
  generate: { name: "Model from photos", doing: "Making the model" },
  refine: { name: "Refine", doing: "Refining the model" },
  export: { name: "Export", doing: "Writing a file" },
};

/** What each stage of each step does (backend/maquette/steps/stages.py has their names and order). */
export const STAGES: Record<Step, Record<string, string>> = {
  upload: { reading: "Read and check the photos" },
  generate: {
    features: "Find points in the photos",
    matching: "Match them between photos",
    mapping: "Work out where the camera stood",
    undistort: "Straighten the photos",
    priors: "Estimate depth",
    training: "Train the model",
    depth: "Draw depth maps",
    evaluation: "Compare with photos it has not seen",
  },
  refine: { loading: "Load the version", rounds: "Improve it, round by round" },
  export: {
    surface: "Find the surface",
    texture: "Paint it from the photos",
    previews: "Draw previews",
    optimizing: "Make it smaller",
    writing: "Write the file",
    checking: "Read it back and compare",
  },
};

export const RUN_STATES: Record<Run["status"], { word: string; tone: BadgeTone }> = {
  queued: { word: "Waiting", tone: "plain" },
  running: { word: "At work", tone: "accent" },
  completed: { word: "Done", tone: "good" },
  failed: { word: "Failed", tone: "bad" },
  cancelled: { word: "Cancelled", tone: "plain" },
};

/** How well a version does on photos it has not seen, and what would make it better. */
export const CLASSES: Record<"normal" | "warning" | "failure", { word: string; tone: BadgeTone; advice: string | null }> = {
  normal: { word: "Good", tone: "good", advice: null },
  warning: { word: "Fair", tone: "warn", advice: "To better it: refine it, or make it anew with “Best quality”." },
  failure: {
    word: "Poor",
    tone: "bad",
    advice: "It differs clearly from photos it has not seen. Add sharp photos from those sides and make it anew, with “Balanced” or “Best quality”.",
  },
};

/** "my_code" as words, where we have none of our own. */
export function plain(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
