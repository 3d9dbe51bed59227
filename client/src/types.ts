import type { operations as calls } from "./operations.js";
import type { components, operations } from "./schema.js";

type Calls = typeof calls;
type Defined<T> = T extends object ? T : unknown;
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : never;

/** Path and query parameters and the fields of the body, in one object. */
type Input<Name extends keyof Calls> = Defined<operations[Name]["parameters"]["path"]> &
  Defined<operations[Name]["parameters"]["query"]> &
  (NonNullable<operations[Name]["requestBody"]> extends never ? unknown : Json<NonNullable<operations[Name]["requestBody"]>>);

type Success<Responses> = Responses[Extract<keyof Responses, 200 | 201 | 204>];
type Answer<Response> = Response extends { content: { "application/json": infer Body } } ? Body : void;
type Output<Name extends keyof Calls> = Answer<Success<operations[Name]["responses"]>>;

export interface CallOptions {
  /** Ends the call, also while it waits to try again. */
  signal?: AbortSignal;
}

type Call<In, Out> = unknown extends In
  ? (input?: undefined, options?: CallOptions) => Promise<Out>
  : object extends In
    ? (input?: In, options?: CallOptions) => Promise<Out>
    : (input: In, options?: CallOptions) => Promise<Out>;

/** A method for each call of the description, by its operationId. */
export type Client = { [Name in keyof Calls]: Call<Input<Name>, Output<Name>> } & {
  /**
   * Where a "Sign in" link points: a page to visit, not one to fetch.
   * `returnTo` is a path of the frontend; `provider` is one of PROVIDERS.
   */
  signInUrl(options?: { provider?: string; returnTo?: string }): string;
};

export interface ClientOptions {
  /** API_URL of the service. */
  baseUrl: string;
  /** Sent with each call, such as an Authorization with an API token outside a browser. */
  headers?: Record<string, string>;
  /** Milliseconds that one attempt may take; 15,000 if not set. */
  timeout?: number;
  /** Seconds of Retry-After that a call waits for before its second attempt; 10 if not set, 0 for no second attempt. */
  longestWait?: number;
}

type Problems<Responses> = {
  [Status in keyof Responses]: Responses[Status] extends { content: { "application/problem+json": { code: infer Code } } }
    ? Code
    : never;
}[keyof Responses];

/** Every code that a call may be refused with; docs/errors.md says what each means. */
export type ProblemCode = { [Name in keyof Calls]: Problems<operations[Name]["responses"]> }[keyof Calls];

/** RFC 9457. */
export type ProblemBody = components["schemas"]["Problem"];

export type User = components["schemas"]["User"];
export type Session = Output<"getSession">;
