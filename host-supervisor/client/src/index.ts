// What users of the package see.

export { type Client, createClient } from "./client.ts";
export { AnteroomError } from "./error.ts";
export type { FollowOptions } from "./events.ts";
export type { Calls } from "./generated/calls.ts";
export type { components, operations, paths } from "./generated/schema.ts";
export type { Access, CallOptions } from "./request.ts";
export type { Call, Follow, Given, Name, StreamEvent, Taken } from "./types.ts";
export type * from "./generated/shapes.ts";
