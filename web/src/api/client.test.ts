// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";

import { json, problem, serve } from "../test/server";
import { aVm } from "../test/things";
import { answer, api, setCsrfToken, whenSignedOut } from "./client";
import { ApiError, describe as describeError } from "./problem";

test("a request that changes something carries the session's token, one that reads does not", async () => {
  const asked = serve({ "GET vms": aVm(), "PATCH vms": {} });
  setCsrfToken("secret");

  await api.GET("/api/v1/vms/{id}", { params: { path: { id: "x" } } });
  await api.PATCH("/api/v1/vms/{id}", { params: { path: { id: "x" } }, body: { remove_direct_kernel: false } });

  expect(asked.map((one) => one.headers.get("X-CSRF-Token"))).toEqual([null, "secret"]);
});

test("each POST has a key of its own, so that it is worked on once", async () => {
  const asked = serve({ "POST tasks": {} });

  await api.POST("/api/v1/tasks/{id}/cancel", { params: { path: { id: "x" } } });
  await api.POST("/api/v1/tasks/{id}/cancel", { params: { path: { id: "x" } } });

  const keys = asked.map((one) => one.headers.get("Idempotency-Key"));
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[0]).not.toBe(keys[1]);
});

test("a refusal says what failed, what to do, and at which fields", async () => {
  serve({
    "GET vms": () =>
      problem(422, "bad-input", {
        detail: "the request is not valid",
        hint: "look at the fields",
        errors: [{ in: "body", field: "disks.0.size", message: "too small" }],
      }),
  });

  const error = await answer(api.GET("/api/v1/vms/{id}", { params: { path: { id: "x" } } })).catch(
    (reason: unknown) => reason,
  );

  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "bad-input", status: 422, fields: { "disks.0.size": "Too small" } });
  expect(describeError(error)).toEqual({ message: "The request is not valid", hint: "Look at the fields" });
});

test("an answer that is no problem document still says which status it had", async () => {
  serve({ "GET vms": () => new Response("<html>", { status: 502, headers: { "Content-Type": "text/html" } }) });

  const call = answer(api.GET("/api/v1/vms/{id}", { params: { path: { id: "x" } } }));

  await expect(call).rejects.toMatchObject({ code: "http-error", status: 502 });
});

test("nobody answering is told as such, with what to check", async () => {
  vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("Failed to fetch"));

  const call = answer(api.GET("/api/v1/about"));

  await expect(call).rejects.toMatchObject({ code: "unreachable", status: 0 });
});

test("a 401 ends the session, but not at the door itself", async () => {
  const ended = vi.fn();
  whenSignedOut(ended);
  serve({ "GET vms": () => problem(401, "unauthenticated"), "POST sessions": () => problem(401, "unauthenticated") });

  await api.POST("/api/v1/sessions", { body: { user: "a", password: "b" } }).catch(() => undefined);
  expect(ended).not.toHaveBeenCalled();

  await api.GET("/api/v1/vms/{id}", { params: { path: { id: "x" } } }).catch(() => undefined);
  expect(ended).toHaveBeenCalledOnce();
});

test("an answer without a body where there has to be one is an error", async () => {
  serve({ "GET about": () => json(null) });

  await expect(answer(api.GET("/api/v1/about"))).rejects.toMatchObject({ code: "empty-answer" });
});
