import { expect, test } from "vitest";

import type { ProjectCard } from "@/api/connection";

import { choose } from "./states";

const named = (name: string, status: ProjectCard["status"] = "completed") => ({ name, status }) as ProjectCard;
const projects = [named("Garden fountain"), named("Café chair", "failed"), named("Chair in the garden", "processing")];

test("every typed word is looked for, in any order, without case and accents", () => {
  expect(choose(projects, "  GARDEN chair ", "all").map((p) => p.name)).toEqual(["Chair in the garden"]);
  expect(choose(projects, "cafe", "all").map((p) => p.name)).toEqual(["Café chair"]);
  expect(choose(projects, "", "all")).toHaveLength(3);
});

test("state and words both have to fit", () => {
  expect(choose(projects, "chair", "failed").map((p) => p.name)).toEqual(["Café chair"]);
  expect(choose(projects, "fountain", "working")).toEqual([]);
});
