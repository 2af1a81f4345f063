/** What went wrong, in the words of the server: what failed, and what to do about it. */

import type { Problem } from "./types";

/** An error of the API, or of the way to it. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    readonly code: string,
    readonly status: number,
    readonly hint: string | null = null,
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** Nobody answered. */
export function unreachable(): ApiError {
  return new ApiError(
    "Skerry does not answer",
    "unreachable",
    0,
    "Check that Skerry runs on its machine and that this browser is online, then try again.",
  );
}

/** The error that an answer stands for, whoever wrote it. */
export async function problemOf(response: Response): Promise<ApiError> {
  const kind = response.headers.get("content-type") ?? "";
  if (kind.includes("json")) {
    const body: unknown = await response.json().catch(() => null);
    if (isProblem(body)) return fromProblem(body);
  }
  return new ApiError(
    `The server answered ${response.status} ${response.statusText}`.trim(),
    "http-error",
    response.status,
    response.status >= 500 ? "Look into Skerry's log, or try again in a moment." : null,
  );
}

/** A problem document as an error. */
export function fromProblem(problem: Problem): ApiError {
  return new ApiError(
    sentence(problem.detail || problem.title),
    problem.code,
    problem.status,
    problem.hint ? sentence(problem.hint) : null,
    fieldErrors(problem),
  );
}

/** What to say about a failure of any kind. */
export function describe(error: unknown): { message: string; hint: string | null } {
  if (error instanceof ApiError) return { message: error.message, hint: error.hint };
  return { message: error instanceof Error ? error.message : String(error), hint: null };
}

/** The messages of a problem by field: `disks.0.size` → what is wrong with it. */
function fieldErrors(problem: Problem): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const { field, message } of problem.errors) {
    if (typeof field === "string" && field && typeof message === "string") fields[field] ??= sentence(message);
  }
  return fields;
}

function isProblem(body: unknown): body is Problem {
  if (typeof body !== "object" || body === null) return false;
  const { code, detail, title, status, errors } = body as Record<string, unknown>;
  return (
    [code, title, detail].every((text) => typeof text === "string") &&
    typeof status === "number" &&
    Array.isArray(errors)
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
