import { screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";

import { FactFeed } from "../live/facts";
import { renderPage } from "../test/render";
import { json, page, problem, serve } from "../test/server";
import { aFact, aTask, aVm } from "../test/things";
import { VmPage } from "./VmPage";

const vm = aVm({ id: "vm1", name: "web1" });
const at = { at: "/vms/vm1", path: "/vms/:id/:tab?" };

test("tabs change what is shown, without the page being loaded again", async () => {
  serve({ "GET vms/vm1": vm, "GET tasks": page([]) });
  renderPage(<VmPage />, at);
  const tab = await screen.findByRole("tab", { name: "Disks" });
  let prevented = false;
  document.addEventListener("click", (event) => (prevented = event.defaultPrevented), { once: true });

  await userEvent.click(tab);

  expect(await screen.findByText("No disks")).toBeDefined();
  expect(prevented).toBe(true);
});

test("a machine that is being made appears on its page as soon as it is there", async () => {
  const task = aTask({ title: "Create web1", object: { kind: "vm", id: "vm1", name: "web1" }, step: "Clone the disk" });
  let there = false;
  serve({
    "GET vms/vm1": () => (there ? json(vm) : problem(404, "not-found")),
    "GET tasks": page([task]),
  });
  const { client } = renderPage(<VmPage />, { ...at, state: { task: task.id } });
  const feed = new FactFeed(client);
  expect(await screen.findByText(/Clone the disk/)).toBeDefined();

  there = true;
  feed.accept(aFact("vm.changed", { ...vm, state: "creating", pending_state: "running" }));

  expect(await screen.findByRole("heading", { name: "web1" })).toBeDefined();
  expect(screen.getAllByText("Creating").length).toBeGreaterThan(0);
});

test("an address that is mistyped says so", async () => {
  serve({ "GET vms/vm1": () => problem(404, "not-found"), "GET tasks": page([]) });

  renderPage(<VmPage />, at);

  expect(await screen.findByText("There is no such machine")).toBeDefined();
});

test("only what was changed in the form is sent, under the version that was seen", async () => {
  const stopped = { ...vm, state: "stopped", pending_state: "stopped", etag: "e7" } as const;
  const asked = serve({
    "GET vms/vm1": stopped,
    "GET tasks": page([]),
    "PATCH vms/vm1": () => json(aTask(), 202),
  });
  renderPage(<VmPage />, at);
  await userEvent.click(await screen.findByRole("button", { name: "Edit" }));
  const memory = await screen.findByLabelText("Memory", { exact: false, selector: "input" });

  await userEvent.clear(memory);
  await userEvent.type(memory, "3");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));

  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  const patch = asked.find((one) => one.method === "PATCH");
  expect(patch?.body).toEqual({ memory: 3 * 1024 ** 3, remove_direct_kernel: false });
  expect(patch?.headers.get("If-Match")).toBe('"e7"');
});
