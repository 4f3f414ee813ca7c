import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Stands in for Supabase Auth (GoTrue) and our `GET /sign-in` in tests: the calls that the page makes, no more. */
export class StandInAuth {
  readonly calls: string[] = [];
  /** The newest mail: where its link leads, with its code. */
  mailed: URL | null = null;
  down = false;
  /** Lifetime of tokens, seconds. */
  lifetime = 3600;
  #refreshTokens = new Set<string>();
  #codes = new Map<string, string>();
  #server = createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<string> {
    await new Promise<void>((ready) => this.#server.listen(0, "127.0.0.1", ready));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /** As where somebody has signed out everywhere. */
  endAllSessions(): void {
    this.#refreshTokens.clear();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", this.url);
    const cors = {
      "access-control-allow-origin": "*",
      "access-control-allow-headers": "*",
      "access-control-allow-methods": "*",
      // As the real one does: by it auth-js knows where an error's code stands.
      "access-control-expose-headers": "X-Supabase-Api-Version",
    };
    const say = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json", "x-supabase-api-version": "2024-01-01", ...cors });
      response.end(body === null ? undefined : JSON.stringify(body));
    };
    if (request.method === "OPTIONS") return say(200, null);
    if (pathname === "/api/v1/sign-in") {
      return say(200, { method: "supabase", supabase_url: this.url, publishable_key: "sb_publishable_test" });
    }
    const grant = searchParams.get("grant_type");
    this.calls.push(`${request.method} ${pathname}${grant ? ` ${grant}` : ""}`);
    if (this.down) return say(503, { code: "unexpected_failure", message: "down" });
    if (request.headers.apikey !== "sb_publishable_test") return say(401, { code: "no_authorization", message: "no key" });
    const body = JSON.parse((await text(request)) || "{}") as Record<string, string>;
    if (pathname === "/auth/v1/otp") {
      const code = randomUUID();
      this.#codes.set(code, body.code_challenge ?? "");
      this.mailed = new URL(searchParams.get("redirect_to") ?? "");
      this.mailed.searchParams.set("code", code);
      return say(200, {});
    }
    if (pathname === "/auth/v1/logout") return say(204, null);
    if (pathname !== "/auth/v1/token") return say(404, { code: "not_found", message: pathname });
    if (grant === "password" && body.password !== "right") return say(400, { code: "invalid_credentials", message: "Invalid login" });
    if (grant === "refresh_token" && !this.#refreshTokens.delete(body.refresh_token ?? "")) {
      return say(400, { code: "refresh_token_not_found", message: "Invalid Refresh Token" });
    }
    if (grant === "pkce") {
      const challenge = this.#codes.get(body.auth_code ?? "");
      this.#codes.delete(body.auth_code ?? "");
      if (challenge === undefined) return say(404, { code: "flow_state_not_found", message: "invalid flow state" });
      const verified = createHash("sha256").update(body.code_verifier ?? "").digest("base64url");
      if (verified !== challenge) return say(400, { code: "bad_code_verifier", message: "verifier" });
    }
    return say(200, this.#session(body.email ?? "ada@example.org"));
  }

  #session(email: string): unknown {
    const refreshToken = randomUUID();
    this.#refreshTokens.add(refreshToken);
    const expiresAt = Math.floor(Date.now() / 1000) + this.lifetime;
    const payload = Buffer.from(JSON.stringify({ sub: "u", exp: expiresAt, n: randomUUID() })).toString("base64url");
    return {
      access_token: `${Buffer.from('{"alg":"ES256"}').toString("base64url")}.${payload}.c2ln`,
      token_type: "bearer",
      expires_in: this.lifetime,
      expires_at: expiresAt,
      refresh_token: refreshToken,
      user: { id: "u", email, aud: "authenticated", role: "authenticated", app_metadata: {}, user_metadata: {}, created_at: "" },
    };
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
