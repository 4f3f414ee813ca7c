import { lazy, type ComponentType } from "react";

import { match } from "./matching";

type Page = ComponentType<Record<string, string>>;

interface Route {
  pattern: string;
  page: Page;
  /** Without the page's own frame: what is shown to strangers. */
  bare?: boolean;
}

/** Each page is a chunk of its own, and takes the named parts of its address as properties. */
function page<Props extends object>(load: () => Promise<ComponentType<Props>>): Page {
  return lazy(async () => ({ default: (await load()) as unknown as Page }));
}

// The server answers exactly these addresses with the page (PAGES in backend/maquette/api/web.py). The first that fits.
export const ROUTES: readonly Route[] = [
  { pattern: "/", page: page(async () => (await import("@/projects/projects-page")).ProjectsPage) },
  { pattern: "/projects/new", page: page(async () => (await import("@/upload/upload-page")).UploadPage) },
  { pattern: "/projects/:projectId", page: page(async () => (await import("@/project/project-page")).ProjectPage) },
  { pattern: "/projects/:projectId/upload", page: page(async () => (await import("@/upload/upload-page")).UploadPage) },
  { pattern: "/v/:shareKey", page: page(async () => (await import("@/share/shared-page")).SharedPage), bare: true },
  { pattern: "/sign-in", page: page(async () => (await import("@/signin/sign-in-page")).SignInPage) },
];

export function routeOf(path: string): { route: Route; parameters: Record<string, string> } | null {
  for (const route of ROUTES) {
    const parameters = match(route.pattern, path);
    if (parameters) return { route, parameters };
  }
  return null;
}
