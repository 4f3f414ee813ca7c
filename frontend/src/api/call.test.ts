import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

let server: Server;
let asked: { method: string | undefined; url: string | undefined; headers: IncomingMessage["headers"]; body: string }[] = [];
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  asked = [];
  answer = (response) => response.writeHead(200, { "Content-Type": "application/json" }).end('{"items":[],"next":null}');
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method, url, headers } = request;
      asked.push({ method, url, headers, body: Buffer.concat(parts).toString() });
      answer(response);
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  vi.resetModules();
  vi.stubEnv("VITE_API_BASE", `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  (await import("./credentials")).useTokensFrom(async () => "k1");
});
afterEach(() => {
  vi.unstubAllEnvs();
  server.close();
});

test("a path and a query are filled in, and what is not given is left out", async () => {
  const { listModels } = await import("./connection");
  const answered = await listModels({ path: { project_id: "a/b" }, query: { limit: 3, cursor: null } });
  expect(answered).toEqual({ items: [], next: null });
  expect(asked[0]).toMatchObject({ method: "GET", url: "/api/v1/projects/a%2Fb/models?limit=3", body: "" });
  expect(asked[0]?.headers).not.toHaveProperty("content-type");
});

test("a body goes as JSON, files as a form, the caller's key with both", async () => {
  const { changeProject, replaceImage } = await import("./connection");
  await changeProject({ path: { project_id: "p" }, body: { name: "Vase" } });
  await replaceImage({ path: { project_id: "p", image_index: 0 }, body: { file: new File(["x"], "a.jpg") }, headers: { "Idempotency-Key": "i" } });
  const [json, form] = asked;
  expect(json).toMatchObject({ method: "PATCH", body: '{"name":"Vase"}' });
  expect(json?.headers).toMatchObject({ "content-type": "application/json", authorization: "Bearer k1" });
  expect(form?.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
  expect(form?.headers).toMatchObject({ "idempotency-key": "i", authorization: "Bearer k1" });
});

test("answers without words and answers of bytes", async () => {
  const { deleteProject, renderModel } = await import("./connection");
  answer = (response) => response.writeHead(204).end();
  expect(await deleteProject({ path: { project_id: "p" } })).toBeUndefined();
  answer = (response) => response.writeHead(200, { "Content-Type": "image/png" }).end("png");
  const picture = (await renderModel({ path: { project_id: "p", version: 0 } })) as unknown as Blob;
  expect([picture.type, picture.size]).toEqual(["image/png", 3]);
});

test("a refusal keeps the API's words, a proxy's page and a dead line have ours", async () => {
  const { readHealth } = await import("./connection");
  answer = (response) => response.writeHead(409, { "Content-Type": "application/json" }).end('{"error":{"code":"project_busy","message":"Busy."}}');
  await expect(readHealth()).rejects.toMatchObject({ name: "ApiFailure", code: "project_busy", status: 409 });
  answer = (response) => response.writeHead(502, { "Content-Type": "text/html" }).end("<html>");
  await expect(readHealth()).rejects.toMatchObject({ code: "unexpected_answer", status: 502 });
  answer = (response) => response.destroy();
  await expect(readHealth()).rejects.toMatchObject({ code: "unreachable", status: 0 });
});
