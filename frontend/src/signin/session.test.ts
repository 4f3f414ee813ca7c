// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { StandInAuth } from "./stand-in-auth";

const server = new StandInAuth();

beforeEach(async () => {
  localStorage.clear();
  vi.resetModules();
  await server.start();
  server.down = false;
  server.lifetime = 3600;
  server.calls.length = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
  return server.stop();
});

/** The modules as a page has them that was just loaded. */
async function loaded() {
  vi.stubEnv("VITE_API_BASE", server.url);
  return { ...(await import("./auth")), ...(await import("./session")) };
}

test("a password signs in, and the session is kept over a reload without fetching anything", async () => {
  const page = await loaded();
  expect(await page.sessionToken()).toBeNull();
  await page.signInWithPassword("ada@example.org", "right");
  const token = await page.sessionToken();
  expect(token).toMatch(/^[\w-]+\.[\w-]+\.c2ln$/);
  vi.resetModules();
  const again = await loaded();
  server.calls.length = 0;
  expect(await again.sessionToken()).toBe(token);
  expect(again.kept()?.user?.email).toBe("ada@example.org");
  expect(server.calls).toEqual([]);
});

test("a wrong password is said in our words, and keeps nothing", async () => {
  const page = await loaded();
  await expect(page.signInWithPassword("ada@example.org", "wrong")).rejects.toMatchObject({
    code: "invalid_credentials",
    message: "The e-mail address and the password do not fit together.",
  });
  expect(await page.sessionToken()).toBeNull();
});

test("a link from a mail signs in where it was asked for, once", async () => {
  const page = await loaded();
  await page.sendLink("ada@example.org", "/projects/7");
  const link = server.mailed!;
  expect(`${link.pathname}?back=${link.searchParams.get("back")}`).toBe("/sign-in?back=/projects/7");
  expect(await page.finishLink(new URL("http://localhost/sign-in"))).toBe(false);
  expect(await page.finishLink(link)).toBe(true);
  expect(await page.sessionToken()).not.toBeNull();
});

test("a link that another browser asked for signs nobody in", async () => {
  const page = await loaded();
  await page.sendLink("mallory@example.org", "/");
  const link = server.mailed!;
  localStorage.clear();
  await expect(page.finishLink(link)).rejects.toMatchObject({ code: "bad_code_verifier", message: "This link was used already, or belongs to another browser." });
  expect(await page.sessionToken()).toBeNull();
});

test("a link that has expired says so", async () => {
  const page = await loaded();
  const link = new URL("http://localhost/sign-in?back=%2F#error=access_denied&error_code=otp_expired&error_description=Email+link+is+invalid");
  await expect(page.finishLink(link)).rejects.toMatchObject({ code: "otp_expired", suggestion: "Have a new one sent and open it soon." });
});

test("an old token is renewed; a session that cannot be renewed has ended", async () => {
  server.lifetime = 30;
  const page = await loaded();
  await page.signInWithPassword("ada@example.org", "right");
  const old = page.kept()!.access_token;
  server.lifetime = 3600;
  expect(await page.sessionToken()).not.toBe(old);
  expect(server.calls.filter((call) => call.endsWith("refresh_token"))).toHaveLength(1);
  expect(page.sessionHasEnded()).toBe(false);

  server.endAllSessions();
  localStorage.setItem(page.SESSION_KEY, JSON.stringify({ ...JSON.parse(localStorage.getItem(page.SESSION_KEY)!), expires_at: 1 }));
  expect(await page.sessionToken()).toBeNull();
  expect(page.sessionHasEnded()).toBe(true);
  expect(page.kept()).toBeNull();
});

test("signing out forgets the session, though nobody answers", async () => {
  const page = await loaded();
  await page.signInWithPassword("ada@example.org", "right");
  server.down = true;
  await page.endSession().catch(() => {});
  expect(page.kept()).toBeNull();
  expect(await page.sessionToken()).toBeNull();
});
