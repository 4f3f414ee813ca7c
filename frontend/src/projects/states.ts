import type { ProjectCard } from "@/api/connection";
import type { BadgeTone } from "@/ui/badge";

export type ProjectState = ProjectCard["status"];

/** A project's state in a word or two. */
export const STATES: Record<ProjectState, { word: string; tone: BadgeTone }> = {
  created: { word: "No photos yet", tone: "plain" },
  uploaded: { word: "Photos are in", tone: "plain" },
  processing: { word: "At work", tone: "accent" },
  completed: { word: "Ready", tone: "good" },
  failed: { word: "Failed", tone: "bad" },
};

export type Shown = "all" | "working" | "ready" | "open" | "failed";

export const SHOWN: Record<Shown, { label: string; states: readonly ProjectState[] }> = {
  all: { label: "All", states: ["created", "uploaded", "processing", "completed", "failed"] },
  working: { label: "At work", states: ["processing"] },
  ready: { label: "Ready", states: ["completed"] },
  open: { label: "Not begun", states: ["created", "uploaded"] },
  failed: { label: "Failed", states: ["failed"] },
};

/** Projects whose names hold every word that was typed, in any order, and whose state is one of those asked for. */
export function choose(projects: readonly ProjectCard[], typed: string, shown: Shown): ProjectCard[] {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  return projects.filter(
    (project) =>
      SHOWN[shown].states.includes(project.status) && words.every((word) => plain(project.name).includes(word)),
  );
}

/** Without case and accents: "Café" is found by "cafe". */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
