// The calls of the API that this page makes, and no others. docs/web-app.md tells when and why.

import { resume, signedIn } from "./session.js";

/** @typedef {import("../../../docs/web-app/api.js").components["schemas"]} Schemas */
/** @typedef {Schemas["AccountRow"]} Account */
/** @typedef {Schemas["AccountDetails"]} Details */
/** @typedef {Schemas["Activation"]} Activation */
/** @typedef {{tab: "needs_connecting" | "active", search: string, brand: string, market: string, partner: string}} Filter */

/** Why a call came to nothing, in words for a person. */
export class Problem extends Error {
  /** @param {Partial<Schemas["Problem"]> & {code: string, title: string, remedy: string, retryAfter?: number}} what */
  constructor(what) {
    super(what.title);
    this.code = what.code;
    this.title = what.title;
    this.detail = what.detail ?? "";
    this.remedy = what.remedy;
    this.cause = what.cause;
    this.requestId = what.request_id;
    this.retryAfter = what.retryAfter ?? 0;
  }

  /** Whether the same request may well succeed a moment later. */
  get isPassing() {
    return ["try_again", "no_connection"].includes(this.code);
  }
}

/** @param {Filter} filter @param {{limit?: number, cursor?: string, signal?: AbortSignal}} [page] @returns {Promise<Schemas["AccountList"]>} */
export function listAccounts(filter, page = {}) {
  const query = new URLSearchParams({ status: filter.tab });
  for (const name of /** @type {const} */ (["search", "brand", "market", "partner"])) {
    if (filter[name]) query.set(name, filter[name]);
  }
  if (page.limit) query.set("limit", String(page.limit));
  if (page.cursor) query.set("cursor", page.cursor);
  return call("GET", `/ad-accounts?${query}`, { signal: page.signal });
}

/** @param {string} id @returns {Promise<Details>} */
export const accountDetails = (id) => call("GET", `/ad-accounts/${id}`);

/** @param {string} id @param {string} [cursor] @returns {Promise<Schemas["History"]>} */
export const accountHistory = (id, cursor) =>
  call("GET", `/ad-accounts/${id}/history?${new URLSearchParams({ limit: "20", ...(cursor && { cursor }) })}`);

/** @param {string} id @returns {Promise<Schemas["ValidateResult"]>} */
export const validate = (id) => call("POST", `/ad-accounts/${id}/validate`);

/** @param {string} id @param {Schemas["Activate"]} choice @param {string} key @returns {Promise<Schemas["ActivationStarted"]>} */
export const activate = (id, choice, key) =>
  call("POST", `/ad-accounts/${id}/activate`, { body: choice, headers: { "Idempotency-Key": key } });

/** The receipt, or that TikTok could not answer yet. @param {string} ticket @returns {Promise<Activation | Schemas["ActivationPending"]>} */
export const complete = (ticket) => call("POST", "/activations/complete", { body: { ticket } });

/** @param {string} id @returns {Promise<Activation>} */
export const activation = (id) => call("GET", `/activations/${id}`);

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: object, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 */
async function call(method, path, options = {}) {
  let answer = await send(method, path, options);
  // A page that was open over night has an old token.
  if (answer.status === 401 && (await resume())) answer = await send(method, path, options);
  const body = await answer.json().catch(() => null);
  if (answer.ok && body) return body;
  throw problemOf(answer, body);
}

/** @param {string} method @param {string} path @param {{body?: object, headers?: Record<string, string>, signal?: AbortSignal}} options */
async function send(method, path, { body, headers, signal }) {
  try {
    return await fetch(path, {
      method,
      signal,
      headers: {
        Authorization: `Bearer ${signedIn()?.token ?? ""}`,
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({
      code: "no_connection",
      title: "There is no connection to CreativeX",
      remedy: "Check your internet connection, then try again.",
    });
  }
}

/** @param {Response} answer @param {any} body */
function problemOf(answer, body) {
  const retryAfter = Number(answer.headers.get("Retry-After")) || 0;
  if (body?.type?.startsWith("/problems/")) {
    return new Problem({ ...body, code: body.type.slice("/problems/".length), retryAfter });
  }
  // The gateway's own answers say nothing that helps a person.
  switch (answer.status) {
    case 401:
      return new Problem({ code: "not_authenticated", title: "You are signed out", remedy: "Sign in again." });
    case 403:
      return new Problem({
        code: "manager_required",
        title: "You may look at ad accounts, but not change them",
        remedy: "Ask a manager of your organisation in CreativeX to do it, or to give you the right.",
      });
    default:
      return new Problem({
        code: "try_again",
        title: "CreativeX did not answer properly",
        remedy: "This has nothing to do with your ad account. Try again in a moment.",
        retryAfter,
      });
  }
}
