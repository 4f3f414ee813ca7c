import { bearer } from "./credentials";
import { asFailure } from "./failure";
import { client } from "./generated/client.gen";

/** Where the API is: this page's own server, unless the page is hosted elsewhere. */
export const API_ORIGIN: string = (import.meta.env.VITE_API_BASE ?? "").replace(/\/$/, "");

client.setConfig({
  baseUrl: API_ORIGIN,
  auth: async (scheme) => (scheme.scheme === "bearer" ? ((await bearer()) ?? undefined) : undefined),
});
client.interceptors.error.use((cause, response) => asFailure(cause, response));

export * from "./generated/sdk.gen";
export type * from "./generated/types.gen";
