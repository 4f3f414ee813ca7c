/** What the generated functions stand on: one call to our API by fetch, its answer, its failure in our one shape. */

import { bearer } from "./credentials";
import { asFailure } from "./failure";

/** Where the API is: this page's own server, unless the page is hosted elsewhere. */
export const API_ORIGIN: string = (import.meta.env.VITE_API_BASE ?? "").replace(/\/$/, "");

/** What a function of the API takes, as its description says. */
export interface TDataShape {
  body?: unknown;
  headers?: unknown;
  path?: unknown;
  query?: unknown;
  url: string;
}

export type Options<Data extends TDataShape, _Throws = true, _Answer = unknown> = Omit<Data, "url" | "headers"> & {
  headers?: Record<string, string | null | undefined>;
  signal?: AbortSignal;
};

/** The body of the answer; a failure is thrown as an ApiFailure. */
export type RequestResult<Answers, _Errors = unknown, _Throws = true> = Promise<Answers extends object ? Answers[keyof Answers] : never>;

/** Nothing is attached to calls. */
export type ClientMeta = Record<never, never>;

interface Call {
  url: string;
  path?: unknown;
  query?: unknown;
  headers?: Record<string, string | null | undefined>;
  body?: unknown;
  bodySerializer?: (body: unknown) => BodyInit;
  signal?: AbortSignal;
}

type Values = Record<string, string | number | boolean | null | undefined>;

/** For bodies of files: one part for each name, several for a list. */
export const formDataBodySerializer = {
  bodySerializer(body: unknown): FormData {
    const form = new FormData();
    for (const [name, values] of Object.entries(body as Record<string, unknown>)) {
      for (const value of [values].flat()) {
        if (value !== undefined && value !== null) form.append(name, value instanceof Blob ? value : String(value));
      }
    }
    return form;
  },
};

async function send(method: string, call: Call): Promise<unknown> {
  const { body, bodySerializer = JSON.stringify, signal } = call;
  let response: Response | undefined;
  try {
    const headers = new Headers();
    for (const [name, value] of Object.entries(call.headers ?? {})) if (value && (body !== undefined || !/^content-type$/i.test(name))) headers.set(name, value);
    const token = await bearer();
    if (token) headers.set("Authorization", `Bearer ${token}`);
    response = await fetch(API_ORIGIN + addressOf(call), { method, headers, ...(body === undefined ? {} : { body: bodySerializer(body) }), ...(signal ? { signal } : {}) });
    if (!response.ok) throw await refusalOf(response);
    if (response.status === 204) return undefined;
    return await (isJson(response) ? response.json() : response.blob());
  } catch (cause) {
    throw asFailure(cause, response);
  }
}

/** The path with its values in place, and the query without what is not given. */
function addressOf({ url, path, query }: Call): string {
  const filled = url.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String((path as Values)[name])));
  const given = Object.entries((query ?? {}) as Values).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `${filled}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : filled;
}

const isJson = (response: Response) => /^application\/(json|[\w.-]+\+json)/.test(response.headers.get("Content-Type") ?? "");

/** What the API says; a proxy in between may answer with a page of its own. */
async function refusalOf(response: Response): Promise<unknown> {
  const words = await response.text();
  try {
    return JSON.parse(words);
  } catch {
    return words;
  }
}

type Method = <Answers, Errors = unknown, Throws = true>(call: Call) => RequestResult<Answers, Errors, Throws>;
export type Client = Record<"get" | "post" | "put" | "patch" | "delete", Method>;

const by = (method: string) => ((call: Call) => send(method, call)) as Method;
export const client: Client = { get: by("GET"), post: by("POST"), put: by("PUT"), patch: by("PATCH"), delete: by("DELETE") };
