import type { CurrentRun } from "@/api/connection";

export type Step = CurrentRun["step"];

/** The steps as a person calls them: what is done, and what was done. */
export const STEPS: Record<Step, { doing: string; name: string }> = {
  upload: { doing: "Taking in photos", name: "Upload" },
  generate: { doing: "Making the model", name: "Model" },
  refine: { doing: "Refining the model", name: "Refinement" },
  export: { doing: "Writing the file", name: "Export" },
};

/** A stage's name as a sentence's beginning: "camera_search" is "Camera search". */
export function stageName(stage: string | null): string {
  const words = (stage ?? "").replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
