import type { Batch } from "./batches";
import type { Kind } from "./kinds";
import type { Options } from "./send";

/** What an upload needs to go on after the page was closed or loaded again, kept in the browser's own database. */
export interface Kept {
  projectId: string;
  options: Options;
  batches: Batch[];
  files: { id: string; path: string; kind: Kind; file: File }[];
}

type Entry = Omit<Kept, "files"> & { ids: string[] };

const NAME = "maquette-uploads";
const FILES = "files";
const UPLOADS = "uploads";

async function open(): Promise<IDBDatabase> {
  return new Promise((done, fail) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(UPLOADS, { keyPath: "projectId" });
      request.result.createObjectStore(FILES, { keyPath: "id" });
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}

async function within<T>(work: (store: (name: string) => IDBObjectStore) => T, mode: IDBTransactionMode): Promise<T> {
  const db = await open();
  try {
    return await new Promise((done, fail) => {
      const transaction = db.transaction([FILES, UPLOADS], mode);
      const result = work((name) => transaction.objectStore(name));
      transaction.oncomplete = () => done(result);
      transaction.onabort = () => fail(transaction.error);
    });
  } finally {
    db.close();
  }
}

/** False where the browser has no room or forbids it: then the page has to stay open. */
export async function keep(kept: Kept): Promise<boolean> {
  try {
    await within((store) => {
      for (const file of kept.files) store(FILES).put(file);
      const { files, ...upload } = kept;
      const request = store(UPLOADS).get(kept.projectId) as IDBRequest<Entry | undefined>;
      request.onsuccess = () => {
        const before = request.result;
        const batches = [...(before?.batches ?? []), ...upload.batches];
        store(UPLOADS).put({ ...upload, batches, ids: [...(before?.ids ?? []), ...files.map((file) => file.id)] });
      };
    }, "readwrite");
    return true;
  } catch {
    return false;
  }
}

/** Let go of what has arrived, or of all that is kept of a project. */
export async function letGo(projectId: string, ids: readonly string[] | "all"): Promise<void> {
  await within((store) => {
    const request = store(UPLOADS).get(projectId) as IDBRequest<Entry | undefined>;
    request.onsuccess = () => {
      const upload = request.result;
      const gone = new Set(ids === "all" ? upload?.ids : ids);
      for (const id of gone) store(FILES).delete(id);
      const left = upload?.ids.filter((id) => !gone.has(id)) ?? [];
      if (left.length && upload) store(UPLOADS).put({ ...upload, ids: left });
      else store(UPLOADS).delete(projectId);
    };
  }, "readwrite").catch(() => {});
}

/** What is left to send of a project, or null. */
export async function find(projectId: string): Promise<Kept | null> {
  try {
    const [upload, files] = await within(
      (store) => [store(UPLOADS).get(projectId), store(FILES).getAll()] as const,
      "readonly",
    ).then((requests) => requests.map((request) => request.result) as [Entry | undefined, Kept["files"]]);
    if (!upload) return null;
    const left = new Set(upload.ids);
    return { ...upload, files: files.filter((file) => left.has(file.id)) };
  } catch {
    return null;
  }
}
