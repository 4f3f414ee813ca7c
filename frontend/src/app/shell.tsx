import type { ReactNode } from "react";

import { LiveMark } from "@/live/live-mark";
import { Account } from "@/signin/account";
import { buttonLook } from "@/ui/button";
import { IconPlus } from "@/ui/icons";

import { HealthNote } from "./health-note";
import { Link, usePlace } from "./navigation";
import { ThemeSwitch } from "./theme-switch";
import { UploadMark } from "./upload-mark";

/** What stands around every page but those for strangers. `busy`: the next page is being fetched. */
export function Shell({ busy, children }: { busy: boolean; children: ReactNode }) {
  const { path } = usePlace();
  const begins = path !== "/projects/new" && path !== "/sign-in";
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded-md focus:bg-surface focus:p-2"
      >
        Skip to the content
      </a>
      <header className="sticky top-0 z-30 border-b border-line bg-surface">
        <div className="mx-auto flex h-14 max-w-[1600px] items-center gap-3 px-4 sm:px-6">
          <Link to="/" className="flex min-h-10 items-center gap-2.5 rounded-md font-semibold tracking-tight">
            <img src="/favicon.svg" alt="" width={24} height={24} />
            Maquette
          </Link>
          <span className="grow" />
          <UploadMark />
          <LiveMark />
          <ThemeSwitch />
          <Account />
          {begins && (
            <Link to="/projects/new" className={buttonLook("primary", "sm")} aria-label="New project">
              <IconPlus />
              <span className="hidden sm:inline">New project</span>
            </Link>
          )}
        </div>
        <div
          aria-hidden
          className={`h-0.5 origin-left bg-accent transition-[scale,opacity] duration-500 ${busy ? "scale-x-75 opacity-100" : "scale-x-0 opacity-0"}`}
        />
      </header>
      <HealthNote />
      <main id="content" tabIndex={-1} className="mx-auto w-full max-w-[1600px] grow px-4 py-6 outline-none sm:px-6">
        {children}
      </main>
    </div>
  );
}
