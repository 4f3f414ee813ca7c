export { API_ORIGIN } from "./call";
export * from "./generated/sdk.gen";
export type * from "./generated/types.gen";
