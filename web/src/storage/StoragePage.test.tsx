import { screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";

import { FactFeed } from "../live/facts";
import { renderPage } from "../test/render";
import { json, page, serve } from "../test/server";
import { aFact, aTask, anUpload, aVolume } from "../test/things";
import { StoragePage } from "./StoragePage";

const disk = aVolume({ name: "web1-0", used_by: ["web1"], unused: false });
const image = aVolume({ name: "aos", image: "aos", clones: ["web1-0", "web2-0"], unused: false });
const left = aVolume({ name: "old-0", unused: true });

test("each volume tells what needs it, and only what nothing needs can be deleted", async () => {
  serve({ "GET volumes": page([disk, image, left]), "GET uploads": page([]) });
  renderPage(<StoragePage />);

  const row = async (name: string): Promise<HTMLElement> => {
    const cell = await screen.findByText(name);
    return cell.closest("tr") as HTMLElement;
  };
  expect(within(await row("web1-0")).getByText("web1")).toBeDefined();
  expect(within(await row("aos")).getByText("image aos, 2 clones")).toBeDefined();
  expect(within(await row("old-0")).getByText("nothing")).toBeDefined();
  expect(screen.getAllByRole("button", { name: /^Actions for/ }).map((one) => one.getAttribute("aria-label"))).toEqual([
    "Actions for old-0",
  ]);
});

test("a left volume is deleted after its name was typed, and is gone when its task ends", async () => {
  let there = true;
  const task = aTask({ kind: "volume.delete", title: "Delete the volume old-0" });
  const asked = serve({
    "GET volumes": () => json(page(there ? [left] : [])),
    "GET uploads": page([]),
    "DELETE volumes": () => json(task, 202),
  });
  const { client } = renderPage(<StoragePage />);
  const feed = new FactFeed(client);
  await userEvent.click(await screen.findByRole("button", { name: "Actions for old-0" }));
  await userEvent.click(await screen.findByText("Delete"));
  await userEvent.type(await screen.findByLabelText(/Type old-0/), "old-0");
  await userEvent.click(screen.getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(asked.at(-1)?.path).toBe("volumes/skerry/old-0?host=anvil"));

  there = false;
  feed.accept(aFact("task.changed", { ...task, state: "succeeded", ended_at: "2026-01-01T10:00:00Z" }));

  expect(await screen.findByText("No volumes yet")).toBeDefined();
});

test("uploads that were left are shown with their end, and thrown away", async () => {
  let there = true;
  const upload = anUpload({ name: "debian.qcow2", received: 5, size: 10 });
  const asked = serve({
    "GET volumes": page([]),
    "GET uploads": () => json(page(there ? [upload] : [])),
    "DELETE uploads": () => {
      there = false;
      return new Response(null, { status: 204 });
    },
  });
  renderPage(<StoragePage />);
  expect(await screen.findByText("5 B of 10 B")).toBeDefined();

  await userEvent.click(screen.getByRole("button", { name: "Throw debian.qcow2 away" }));

  await waitFor(() => expect(screen.queryByText("debian.qcow2")).toBeNull());
  expect(asked.map((one) => `${one.method} ${one.path}`)).toContain(`DELETE uploads/${upload.id}`);
});
