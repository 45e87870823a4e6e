// From the description's types to what a method takes and gives.

import type { FollowOptions } from "./events.ts";
import type { operations } from "./generated/schema.ts";
import type { CallOptions } from "./request.ts";

/** The name of a call. */
export type Name = keyof operations;

type Json<C> = C extends { content: { "application/json": infer Body } } ? Body : never;
type Successes = 200 | 201 | 202;
type Parameter<O, Place extends string> = O extends { parameters: { [P in Place]: infer Taken } }
  ? Taken
  : O extends { parameters: { [P in Place]?: infer Taken } }
    ? Partial<Taken>
    : unknown;
type Body<O> = O extends { requestBody: infer Taken } ? Json<Taken> : unknown;

/** A type with its members in one place, as editors show it. */
type Flat<T> = { [K in keyof T]: T[K] };

/** What a call takes, all in one object: what stands in its path, its query and its body. */
export type Taken<N extends Name> = Flat<
  Present<Parameter<operations[N], "path">> & Present<Parameter<operations[N], "query">> & Body<operations[N]>
>;
type Present<T> = [T] extends [never | undefined] ? unknown : NonNullable<T>;

/** What a call gives: the JSON of its successes. */
export type Given<N extends Name> = operations[N] extends { responses: infer Responses }
  ? { [S in keyof Responses & Successes]: Json<Responses[S]> }[keyof Responses & Successes]
  : never;

/** The arguments of a method: what the call takes may be left out when nothing of it is needed. */
export type Arguments<N extends Name, Options> =
  Partial<Taken<N>> extends Taken<N>
    ? [taken?: Taken<N>, options?: Options]
    : [taken: Taken<N>, options?: Options];

/** A method for a call that is answered once. */
export type Call<N extends Name, Answer = Given<N>> = (...call: Arguments<N, CallOptions>) => Promise<Answer>;

/** A method for a call that is answered with events, for as long as they come. */
export type Follow<N extends Name, Said> = (
  ...call: Arguments<N, FollowOptions>
) => AsyncGenerator<Said, void, void>;

/** One event of a stream; its `id` is what to go on after (`lastEventId`). */
export interface StreamEvent<Type extends string, Data> {
  readonly id: string;
  readonly type: Type;
  readonly data: Data;
}
