import { render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";

import { App } from "./app";
import { makeQueryClient } from "./common/query";
import { router } from "./routes";
import { json, page, problem, serve } from "./test/server";
import { anImage, aSession } from "./test/things";

let known: boolean;

/** A server with a door, and one image behind it. */
function serveAll(): ReturnType<typeof serve> {
  const guarded = (body: object) => () => (known ? json(body) : problem(401, "unauthenticated"));
  return serve({
    "GET about": { name: "skerry", version: "9.9", api: "v1" },
    "GET sessions/current": guarded(aSession()),
    "POST sessions": ({ body }) => {
      known = (body as { password: string }).password === "right";
      return known ? json(aSession(), 201) : problem(401, "unauthenticated", { detail: "these do not belong together" });
    },
    "DELETE sessions/current": () => new Response(null, { status: 204 }),
    "GET images": guarded(page([anImage({ name: "aos" })])),
    "GET tasks": guarded(page([])),
    "GET events": () => new Response(new ReadableStream(), { status: 200 }),
    "PATCH images": guarded(anImage()),
  });
}

async function signIn(password: string): Promise<void> {
  await userEvent.type(await screen.findByLabelText(/^Password/), password);
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
}

beforeEach(() => {
  known = false;
  return router.navigate("/images");
});

test("a wrong password is told; the right one leads to where one wanted to go", async () => {
  serveAll();
  render(<App client={makeQueryClient()} />);
  await userEvent.type(await screen.findByLabelText(/^Name/), "admin");

  await signIn("wrong");
  expect(await screen.findByText("These do not belong together")).toBeDefined();

  await userEvent.clear(screen.getByLabelText(/^Password/));
  await signIn("right");
  expect(await screen.findByRole("heading", { name: "Images" })).toBeDefined();
  expect(await screen.findByText("aos")).toBeDefined();
});

test("a session that ends asks to sign in again, and what one was doing is still there", async () => {
  known = true;
  serveAll();
  render(<App client={makeQueryClient()} />);
  await userEvent.click(await screen.findByRole("button", { name: "Actions for aos" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Rename or describe" }));
  const description = await screen.findByLabelText("Description");
  await userEvent.type(description, "half written");

  known = false;
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  await screen.findByText("Sign in again");
  await signIn("right");

  await waitFor(() => expect(screen.queryByText("Sign in again")).toBeNull());
  expect(screen.getByLabelText<HTMLTextAreaElement>("Description").value).toBe("half written");
});

test("signing out leads to the door, and what was loaded is forgotten", async () => {
  known = true;
  const asked = serveAll();
  const client = makeQueryClient();
  render(<App client={client} />);
  await screen.findByText("aos");

  await userEvent.click(screen.getByRole("button", { name: "Menu of admin" }));
  known = false;
  await userEvent.click(await screen.findByRole("menuitem", { name: "Sign out" }));

  expect(await screen.findByRole("heading", { name: "Sign in to Skerry" })).toBeDefined();
  expect(screen.queryByText("Sign in again")).toBeNull();
  expect(asked.some((one) => one.method === "DELETE")).toBe(true);
  expect(client.getQueriesData({ queryKey: ["images"] })).toEqual([]);
});
