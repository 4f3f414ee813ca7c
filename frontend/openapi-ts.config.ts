import { defineConfig, definePluginConfig, type DefinePlugin } from "@hey-api/openapi-ts";

type Ours = DefinePlugin<{ name: "@/api/call" }>;

/**
 * The generated functions call by src/api/call.ts: the generator's own client can do far more than we ask (streams,
 * interceptors, ten ways to write a query), and would be 3 kB of every first load.
 */
const ourClient = definePluginConfig<Ours["Types"]>({
  name: "@/api/call",
  tags: ["client"],
  dependencies: ["@hey-api/typescript"],
  config: {},
  handler: ({ plugin }) => {
    plugin.symbol("client", { external: "@/api/call", meta: { category: "client" } });
  },
});

// The client is made from the committed description of our own API, so a change there shows as a type error here.
export default defineConfig({
  input: "openapi.json",
  output: { path: "src/api/generated", clean: true },
  // Whoever has credentials sends them with every call: no function has to say so.
  plugins: ["@hey-api/typescript", { name: "@hey-api/sdk", auth: false }, ourClient()],
});
