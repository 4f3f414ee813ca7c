import { createProject, type UploadAnswer } from "@/api/connection";
import { asFailure, isPassing, type ApiFailure } from "@/api/failure";

import { halves, inBatches, isLarge, type Batch } from "./batches";
import type { Checked } from "./checks";
import { fresh, verdictsByFile, type Item } from "./item";
import { Pace } from "./pace";
import { askedMs, patience, PATIENCE_MS } from "./patience";
import { send, type Options } from "./send";
import { sendLarge } from "./send-large";
import * as shelf from "./shelf";
import { Thumbnails } from "./thumbnails";

/** As many as the server decodes at the same moment. */
const AT_ONCE = 2;

export interface View {
  items: readonly Item[];
  projectId: string | null;
  active: boolean;
  /** The line is down or the server busy: it goes on by itself. */
  waiting: ApiFailure | null;
  /** Whether it goes on after the page is loaded again; null: not known yet. */
  kept: boolean | null;
  bytesPerSecond: number | null;
  secondsLeft: number | null;
  capture: UploadAnswer["capture"];
  options: Options;
}

/**
 * One project's files on their way: in small requests, two at a time, each repeated until the server has it; a large
 * file by itself, through storage, from where it was cut off.
 */
export class Uploader {
  private items = new Map<string, Item>();
  private queue: Batch[] = [];
  private failed: Batch[] = [];
  private flying = new Set<Batch>();
  private resumed = false;
  private stopping = new AbortController();
  private pace = new Pace();
  private thumbnails = new Thumbnails();
  private listeners = new Set<() => void>();
  private frame = 0;
  private shown: View;

  constructor(private projectId: string | null) {
    this.shown = this.view({ active: false, kept: null, waiting: null, capture: null, options: PLAIN });
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): View => this.shown;

  add(taken: Checked["taken"]): void {
    for (const { file, path, kind } of taken) {
      const id = crypto.randomUUID();
      this.items.set(id, fresh(id, path, kind, file));
      if (kind === "photo") this.thumbnails.make(file, (thumbnail) => this.change(id, { thumbnail }));
    }
    this.tell();
    if (this.shown.active) void this.enqueue();
  }

  remove(id: string): void {
    if (this.items.get(id)?.state === "waiting") this.items.delete(id);
    this.tell();
  }

  choose(options: Options): void {
    this.tell({ options });
  }

  /** Send what waits; makes the project first where there is none. Gives its id. */
  async start(name: string): Promise<string> {
    this.tell({ active: true, waiting: null });
    try {
      this.projectId ??= (await createProject({ body: name ? { name } : {} })).id;
    } catch (cause) {
      this.tell({ active: false });
      throw asFailure(cause);
    }
    await this.enqueue();
    return this.projectId;
  }

  /** Go on with what an earlier visit could not send. */
  async resume(): Promise<void> {
    if (this.resumed || !this.projectId || this.items.size) return;
    this.resumed = true;
    const kept = await shelf.find(this.projectId);
    if (!kept?.files.length) return;
    const byName = kept.files.toSorted((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
    for (const { id, path, kind, file } of byName) {
      this.items.set(id, fresh(id, path, kind, file));
      if (kind === "photo") this.thumbnails.make(file, (thumbnail) => this.change(id, { thumbnail }));
    }
    const left = new Set(kept.files.map((file) => file.id));
    // A batch that arrived whole is gone from the shelf; half a batch is never let go of.
    this.queue = kept.batches.filter((batch) => batch.parts.every((part) => left.has(part.id)));
    this.tell({ active: true, kept: true, options: kept.options });
    this.fly();
  }

  /** Send again what failed, and nothing else. */
  retry(): void {
    const again = this.failed;
    this.failed = [];
    for (const batch of again) for (const { id } of batch.parts) this.putBack(id, { problem: null });
    this.queue.push(...again);
    this.tell({ active: true, waiting: null });
    this.fly();
  }

  /** Stop sending; what has arrived stays in the project. */
  stop(): void {
    this.stopping.abort();
    this.stopping = new AbortController();
    this.queue = [];
    this.flying.clear();
    for (const item of this.items.values()) {
      if (item.state === "sending" || item.state === "checking") this.change(item.id, { state: "waiting", sent: 0, kept: 0 });
    }
    if (this.projectId) void shelf.letGo(this.projectId, "all");
    this.tell({ active: false, waiting: null });
  }

  private async enqueue(): Promise<void> {
    const queued = new Set([...this.queue, ...this.failed, ...this.flying].flatMap((batch) => batch.parts.map((part) => part.id)));
    const waiting = [...this.items.values()].filter((item) => item.state === "waiting" && !queued.has(item.id));
    const batches = inBatches(
      waiting.map(({ id, path, kind, file }) => ({ id, path, kind, size: file.size })),
      () => crypto.randomUUID(),
    );
    this.queue.push(...batches);
    this.fly();
    if (!this.projectId || !waiting.length) return;
    const files = waiting.map(({ id, path, kind, file }) => ({ id, path, kind, file }));
    const kept = await shelf.keep({ projectId: this.projectId, options: this.shown.options, batches, files });
    // What arrived while it was being written needs no keeping.
    const gone = waiting.filter(({ id }) => this.items.get(id)?.state === "done").map(({ id }) => id);
    if (gone.length) void shelf.letGo(this.projectId, gone);
    this.tell({ kept: kept && this.shown.kept !== false });
  }

  private fly(): void {
    while (this.flying.size < AT_ONCE) {
      const batch = this.queue.shift();
      if (!batch) break;
      this.flying.add(batch);
      void this.carry(batch).finally(() => {
        this.flying.delete(batch);
        this.fly();
      });
    }
    if (!this.flying.size && !this.queue.length && this.shown.active) this.tell({ active: false, waiting: null });
  }

  private async carry(batch: Batch): Promise<void> {
    const { signal } = this.stopping;
    let reached = this.keptOf(batch);
    for (let attempt = 0; ; attempt++) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next attempt waits for this one to fail
        const answer = await this.sendBatch(batch, signal);
        if (!signal.aborted) this.settle(batch, answer.images, answer.capture);
        return;
      } catch (cause) {
        if (signal.aborted) return;
        const failure = asFailure(cause);
        if (failure.code === "incoming_expired") {
          // A day has gone by since it was begun. The new name is the same after each reload.
          batch.key += "-anew";
          for (const { id } of batch.parts) this.putBack(id, { sent: 0, kept: 0 });
          continue;
        }
        // However often the line breaks: as long as it gets further, it is worth the next try.
        if (this.keptOf(batch) > reached) attempt = 0;
        reached = this.keptOf(batch);
        // The server says itself when there is room for more uploads: a matter of minutes, not a failure.
        const asked = askedMs(failure);
        if (asked !== null) attempt = -1;
        const pause = asked ?? PATIENCE_MS[attempt];
        if (!isPassing(failure) || pause === undefined) return this.fail(batch, failure);
        for (const { id } of batch.parts) this.putBack(id);
        this.tell({ waiting: failure });
        // oxlint-disable-next-line no-await-in-loop
        await patience(pause, signal);
        if (signal.aborted) return;
      }
    }
  }

  private async sendBatch(batch: Batch, signal: AbortSignal): Promise<UploadAnswer> {
    const parts = batch.parts.flatMap(({ id, field }) => {
      const item = this.items.get(id);
      return item ? [{ id, field, file: item.file }] : [];
    });
    for (const { id } of parts) this.putBack(id, { state: "sending", problem: null });
    const [first] = parts;
    const large = parts.length === 1 && first && isLarge({ kind: this.items.get(first.id)?.kind ?? "photo", size: first.file.size });
    return (large ? sendLarge : send)({
      projectId: this.projectId ?? "",
      key: batch.key,
      files: parts,
      options: this.shown.options,
      signal,
      onProgress: (sent) => {
        let left = sent;
        for (const { id, file } of parts) {
          const own = Math.min(Math.max(left, 0), file.size);
          this.change(id, { sent: own, state: own < file.size ? "sending" : "checking" });
          left -= file.size;
        }
        this.pace.add(performance.now(), this.sentBytes());
        this.tell({ waiting: null });
      },
      onKept: (kept) => {
        const item = first && this.items.get(first.id);
        if (!item) return;
        if (kept > item.sent) {
          // An earlier visit sent these.
          this.change(item.id, { sent: kept });
          this.pace.restart();
        }
        this.change(item.id, { kept });
      },
    });
  }

  private settle(batch: Batch, images: UploadAnswer["images"], capture: UploadAnswer["capture"]): void {
    const ids = batch.parts.map((part) => part.id);
    const names = ids.map((id) => this.items.get(id)?.file.name ?? "");
    for (const [index, verdicts] of verdictsByFile(names, images).entries()) {
      const id = ids[index] ?? "";
      // Photos of an archive have names that nobody here knows.
      const own = verdicts.length || ids.length > 1 ? verdicts : images;
      this.change(id, { state: "done", verdicts: own, sent: this.items.get(id)?.file.size ?? 0 });
    }
    if (this.projectId) void shelf.letGo(this.projectId, ids);
    this.tell({ capture, waiting: null });
  }

  private fail(batch: Batch, failure: ApiFailure): void {
    const rejected = failure.details.files;
    if (failure.code === "no_usable_photos" && Array.isArray(rejected)) {
      // Nothing in it can be used: that is the doctor's word on each, not a failure of the sending.
      const images = rejected.map((file) => ({ ...file, verdict: "rejected", details: {} }));
      return this.settle(batch, images as UploadAnswer["images"], this.shown.capture);
    }
    const { code, message, suggestion } = failure;
    for (const { id } of batch.parts) this.putBack(id, { state: "failed", problem: { code, message, suggestion } });
    // One that the server may have taken in keeps its key; one that it refused goes in halves the next time, so that the
    // file that is to blame does not hold back the others.
    const whole = isPassing(failure) || batch.parts.length === 1 || batch.parts.some((part) => part.field !== "file");
    this.failed.push(...(whole ? [batch] : halves(batch)));
    this.tell();
  }

  /** Back to where the next try begins. */
  private putBack(id: string, news: Partial<Item> = {}): void {
    this.change(id, { state: "waiting", sent: this.items.get(id)?.kept ?? 0, ...news });
  }

  private keptOf(batch: Batch): number {
    return batch.parts.reduce((sum, { id }) => sum + (this.items.get(id)?.kept ?? 0), 0);
  }

  private sentBytes(): number {
    return [...this.items.values()].reduce((sum, item) => sum + item.sent, 0);
  }

  private change(id: string, news: Partial<Item>): void {
    const item = this.items.get(id);
    if (item) this.items.set(id, { ...item, ...news });
    this.tell();
  }

  /** Once a frame is enough for eyes, and two hundred files change much more often. */
  private tell(news: Partial<View> = {}): void {
    this.shown = { ...this.shown, ...news };
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.shown = this.view(this.shown);
      for (const listener of this.listeners) listener();
    });
  }

  private view(rest: Pick<View, "active" | "waiting" | "kept" | "capture" | "options">): View {
    const items = [...this.items.values()];
    const total = items.reduce((sum, item) => sum + item.file.size, 0);
    return {
      ...rest,
      items,
      projectId: this.projectId,
      bytesPerSecond: rest.active ? this.pace.bytesPerSecond() : null,
      secondsLeft: rest.active ? this.pace.secondsLeft(total - this.sentBytes()) : null,
    };
  }
}

const PLAIN: Options = { remove_bg: false, original_resolution: false, frames: null };
