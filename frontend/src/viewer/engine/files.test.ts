import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, describe, expect, it } from "vitest";

import { explained, ViewerError } from "../problems";
import { fetchBytes, type Loaded, sizeOf } from "./fetching";
import { checkSplatFile, kindOf } from "./splat-files";

const words = (text: string) => new TextEncoder().encode(text);
const HEADER = "ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty uchar a\nproperty float f_dc_0\nend_header\n";
const codeOf = (act: () => void) => {
  try {
    act();
  } catch (error) {
    return error instanceof ViewerError ? `${error.code}: ${error.message}` : String(error);
  }
  return "fine";
};

describe("files of Gaussians", () => {
  it("are taken whole", () => {
    const whole = new Uint8Array([...words(HEADER), ...new Uint8Array(3 * 9)]);
    expect(codeOf(() => checkSplatFile(whole, "ply"))).toBe("fine");
    expect(codeOf(() => checkSplatFile(whole.subarray(0, -1), "ply"))).toContain("cut off");
    expect(codeOf(() => checkSplatFile(new Uint8Array(64), "splat"))).toBe("fine");
  });

  it.each([
    ["ply", "<!doctype html>", "no PLY"],
    ["ply", "ply\nformat ascii 1.0\n", "header"],
    ["ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n", "no Gaussians"],
    ["ply", "", "empty"],
    ["spz", "junk", "no SPZ"],
    ["sog", "junk", "no SOG"],
    ["splat", "junk", "whole Gaussian"],
  ] as const)("of kind %s that are none are refused: %j", (kind, text, why) => {
    const told = codeOf(() => checkSplatFile(words(text), kind));
    expect(told).toContain("unreadable_file");
    expect(told).toContain(why);
  });

  it("are known by their names", () => {
    expect(kindOf("/a/model.spz?token=x.ply")).toBe("spz");
    expect(kindOf("/a/model")).toBe("ply");
  });
});

describe("fetching", () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  const serve = async (answer: RequestListener) => {
    server = createServer(answer);
    await new Promise<void>((listening) => server!.listen(0, "127.0.0.1", listening));
    return `http://127.0.0.1:${(server!.address() as AddressInfo).port}/model.ply`;
  };
  const fetched = (url: string, seen: Loaded[] = [], signal = new AbortController().signal) => fetchBytes(url, "model", { signal, onProgress: (loaded) => seen.push(loaded) });

  it("tells the bytes that came, of how many", async () => {
    const seen: Loaded[] = [];
    const url = await serve((_, answer) => answer.writeHead(200, { "content-length": 300_000 }).end(Buffer.alloc(300_000, 7)));
    const bytes = await fetched(url, seen);
    expect(bytes.length).toBe(300_000);
    expect(bytes.every((byte) => byte === 7)).toBe(true);
    expect(seen[0]).toEqual({ bytes: 0, total: 300_000 });
    expect(seen.at(-1)).toEqual({ bytes: 300_000, total: 300_000 });
  });

  it("keeps all bytes where no length was told", async () => {
    const url = await serve((_, answer) => answer.writeHead(200, { "transfer-encoding": "chunked" }).end(Buffer.alloc(2_500_000, 3)));
    const bytes = await fetched(url);
    expect(bytes.length).toBe(2_500_000);
    expect(bytes.at(-1)).toBe(3);
  });

  it("does not believe the length of a compressed answer", () => {
    expect(sizeOf(new Headers({ "content-length": "10", "content-encoding": "gzip" }))).toBeNull();
  });

  it.each([
    [404, "file_missing"],
    [410, "file_gone"],
    [403, "link_refused"],
    [400, "link_refused"],
    [503, "server_failed"],
  ])("says what %i means", async (status, code) => {
    const url = await serve((_, answer) => answer.writeHead(status).end());
    await expect(fetched(url)).rejects.toMatchObject({ code });
  });

  it("takes no page for a model, and a broken line for what it is", async () => {
    const page = await serve((_, answer) => answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>"));
    await expect(fetched(page)).rejects.toMatchObject({ code: "unreadable_file" });
    server!.close();
    const broken = await serve((_, answer) => {
      answer.writeHead(200, { "content-length": 1000 }).write(Buffer.alloc(10));
      setTimeout(() => answer.destroy(), 20);
    });
    await expect(fetched(broken)).rejects.toMatchObject({ code: "network" });
  });

  it("stops when nobody waits", async () => {
    const url = await serve((_, answer) => answer.writeHead(200, { "content-length": 1000 }).write(Buffer.alloc(10)));
    const stop = new AbortController();
    const coming = fetched(url, [], stop.signal);
    stop.abort();
    await expect(coming).rejects.toMatchObject({ name: "AbortError" });
  });
});

it("memory that ran out is told as that, anything else as unreadable", () => {
  expect(explained(new RangeError("Array buffer allocation failed"), "model").code).toBe("out_of_memory");
  expect(explained(new Error("Error: Invalid header.\n at x"), "mesh")).toMatchObject({ code: "unreadable_file", message: "The file of the mesh cannot be read: Invalid header." });
});
