import { defineConfig } from "@hey-api/openapi-ts";

// The client is made from the committed description of our own API, so a change there shows as a type error here.
export default defineConfig({
  input: "openapi.json",
  output: { path: "src/api/generated", clean: true },
  plugins: [
    "@hey-api/typescript",
    { name: "@hey-api/sdk", responseStyle: "data" },
    { name: "@hey-api/client-fetch", throwOnError: true, baseUrl: false },
  ],
});
