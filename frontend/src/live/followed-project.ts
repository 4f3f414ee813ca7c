import type { QueryClient } from "@tanstack/react-query";

import { listEvents, type Event, type Status } from "@/api/connection";
import { keys } from "@/api/keys";

import { follow, type Row } from "./follow";
import { inOrder, touchedBy, withRun } from "./project-events";

const ESTIMATE_EVERY_MS = 5000;

/** Follow all tables of a project until the returned function is called. */
export function followProject(queries: QueryClient, projectId: string): () => void {
  const followed = new FollowedProject(queries, projectId);
  const of = (table: string) => ({ table, filter: `project_id=eq.${projectId}` });
  return follow({
    tables: [
      { table: "projects", filter: `id=eq.${projectId}` },
      ...["runs", "gaussian_splat_models", "refinement_metrics", "events"].map(of),
    ],
    onJoined: () => void followed.catchUp(),
    onChange: ({ table, type, record }) => {
      if (type === "DELETE") followed.ask(keys.project(projectId));
      else if (table === "events") followed.hear([record as unknown as Event]);
      else if (table === "runs") followed.moveRun(record);
      else if (table === "gaussian_splat_models") followed.ask(keys.list(projectId, "models"));
      else if (table === "refinement_metrics") followed.ask(keys.list(projectId, "metrics"));
    },
  });
}

export class FollowedProject {
  private last: number | null = null;
  private reading = false;
  /** Something came while the rows were read: it may be newer than what was read. */
  private overheard = false;
  private asked = new Map<string, ReturnType<typeof setTimeout>>();
  private estimatedAt = 0;

  constructor(
    private queries: QueryClient,
    private projectId: string,
  ) {}

  /** Read what Realtime may have lost: it promises no delivery, the numbers of the events do. */
  async catchUp(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    try {
      if (this.last === null) {
        // The first joining: what was read before it may be older than the line.
        await this.queries.invalidateQueries({ queryKey: keys.project(this.projectId) });
        this.last = this.status()?.event_seq ?? null;
      }
      for (let more = this.last !== null; more; ) {
        // oxlint-disable-next-line no-await-in-loop -- each part says where the next begins
        const part = await listEvents({ path: { project_id: this.projectId }, query: { after: this.last ?? 0 } });
        this.reading = false;
        this.hear(part.items);
        this.reading = true;
        more = part.next !== null;
      }
    } catch {
      // The queries themselves show what is wrong; the next joining tries again.
      this.overheard = false;
    } finally {
      this.reading = false;
    }
    if (this.overheard) {
      this.overheard = false;
      await this.catchUp();
    }
  }

  hear(events: readonly Event[]): void {
    if (this.reading) this.overheard = true;
    if (this.last === null || this.reading) return;
    const { next, missing } = inOrder(this.last, events);
    for (const event of next) {
      this.last = event.seq;
      const touched = touchedBy(event);
      if (touched === "everything") this.ask(keys.project(this.projectId), keys.projects);
      else this.ask(...touched.map((noun) => ["project", this.projectId, noun]));
      if (event.type === "progress") this.moveRun(event.payload);
    }
    if (missing) void this.catchUp();
  }

  /** Show a run's progress from its row, and have the estimate renewed now and then while it moves. */
  moveRun(row: Row): void {
    const before = this.status();
    if (!before) return;
    const moved = withRun(before, row);
    if (moved) this.queries.setQueryData<Status>(keys.status(this.projectId), moved);
    const now = Date.now();
    if (!moved || now - this.estimatedAt > ESTIMATE_EVERY_MS) {
      this.estimatedAt = now;
      this.ask(keys.status(this.projectId));
    }
  }

  /** Ask the server anew, once for changes that come together. */
  ask(...wanted: (readonly string[])[]): void {
    for (const key of wanted) {
      const name = key.join("/");
      clearTimeout(this.asked.get(name));
      this.asked.set(
        name,
        setTimeout(() => void this.queries.invalidateQueries({ queryKey: key }), 150),
      );
    }
  }

  private status(): Status | undefined {
    return this.queries.getQueryData<Status>(keys.status(this.projectId));
  }
}
