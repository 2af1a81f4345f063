import { screen, waitFor, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";

import { FactFeed } from "../live/facts";
import { renderPage } from "../test/render";
import { json, page, problem, serve } from "../test/server";
import { aFact, aTask, aVm } from "../test/things";
import { VmsPage } from "./VmsPage";

function rowOf(name: string): HTMLElement {
  const row = screen.getByRole("link", { name }).closest("tr");
  if (!row) throw new Error(`${name} is in no row`);
  return row;
}

test("machines are listed with state, host, memory and addresses", async () => {
  const address = { mac: "m", address: "10.0.0.5", prefix: 24, family: "ipv4", source: "lease", interface: "" } as const;
  serve({ "GET vms": page([aVm({ name: "web1", addresses: [address] }), aVm({ name: "db1", state: "stopped" })]) });

  renderPage(<VmsPage />);

  await screen.findByRole("link", { name: "web1" });
  expect(rowOf("web1").textContent).toMatch(/Running.*anvil.*10\.0\.0\.5/);
  expect(rowOf("db1").textContent).toMatch(/Stopped.*2 CPUs.*2 GiB/);
});

test("without machines the page says what to do next", async () => {
  serve({ "GET vms": page([]) });

  renderPage(<VmsPage />);

  expect(await screen.findByText("No virtual machines yet")).toBeDefined();
  expect(screen.getAllByRole("link", { name: "Create machine" }).length).toBeGreaterThan(0);
});

test("a list that cannot be loaded says why, and can be tried again", async () => {
  let broken = true;
  serve({ "GET vms": () => (broken ? problem(403, "denied", { detail: "you may not see machines" }) : json(page([]))) });
  renderPage(<VmsPage />);
  await screen.findByText("You may not see machines");

  broken = false;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));

  expect(await screen.findByText("No virtual machines yet")).toBeDefined();
});

test("search and state go to the server and into the address", async () => {
  const asked = serve({ "GET vms": page([aVm()]) });
  renderPage(<VmsPage />);
  await screen.findByRole("link", { name: "web1" });

  await userEvent.type(screen.getByLabelText("Search by name"), "we");
  await userEvent.selectOptions(screen.getByLabelText("Show state"), "running");

  await waitFor(() => expect(asked.at(-1)?.path).toMatch(/q=we/));
  expect(asked.at(-1)?.path).toMatch(/state=running/);
});

test("a fact changes a row without anything being asked for", async () => {
  const vm = aVm({ name: "web1" });
  const asked = serve({ "GET vms": page([vm]) });
  const { client } = renderPage(<VmsPage />);
  const feed = new FactFeed(client);
  await screen.findByRole("link", { name: "web1" });

  feed.accept(aFact("vm.changed", { ...vm, pending_state: "stopped", queued_tasks: 1 }));

  expect(await within(rowOf("web1")).findByText(/→ stopped/)).toBeDefined();
  expect(asked).toHaveLength(1);
});

test("only valid actions are offered", async () => {
  serve({ "GET vms": page([aVm({ name: "web1", state: "stopped", actions: ["start", "delete"] })]) });
  renderPage(<VmsPage />);
  await screen.findByRole("link", { name: "web1" });

  await userEvent.click(screen.getByRole("button", { name: "Actions for web1" }));

  const offered = screen.getAllByRole("menuitem").map((item) => item.textContent);
  expect(offered).toEqual(["Start", "Delete"]);
});

test("of many machines those that were refused are named, with the reason", async () => {
  const [a, b] = [aVm({ name: "a" }), aVm({ name: "b" })];
  serve({
    "GET vms": page([a, b]),
    [`POST vms/${a.id}/actions`]: () => json(aTask(), 202),
    [`POST vms/${b.id}/actions`]: () => problem(409, "invalid-state", { detail: "b is stopped already" }),
  });
  renderPage(<VmsPage />);
  await screen.findByRole("link", { name: "a" });

  await userEvent.click(screen.getByRole("checkbox", { name: "Choose all" }));
  await userEvent.click(screen.getByRole("button", { name: "Shut down" }));
  await userEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Shut down" }));

  const dialog = await screen.findByText(/1 of 2 accepted, 1 not/);
  expect(dialog).toBeDefined();
  expect(screen.getByText(/B is stopped already/)).toBeDefined();
  expect(screen.getByRole("button", { name: "Try these again" })).toBeDefined();
});

test("a machine is deleted only after its name was typed, and its disks as chosen", async () => {
  const vm = aVm({ name: "web1", state: "stopped", actions: ["delete"] });
  const asked = serve({ "GET vms": page([vm]), "DELETE vms": () => json(aTask(), 202) });
  renderPage(<VmsPage />);
  await screen.findByRole("link", { name: "web1" });
  await userEvent.click(screen.getByRole("button", { name: "Actions for web1" }));
  await userEvent.click(screen.getByRole("menuitem", { name: "Delete" }));
  const dialog = within(screen.getByRole("dialog"));
  expect(dialog.getByRole<HTMLButtonElement>("button", { name: "Delete" }).disabled).toBe(true);

  await userEvent.click(dialog.getByLabelText("Keep the disks"));
  await userEvent.type(dialog.getByLabelText("Type web1 to confirm"), "web1");
  await userEvent.click(dialog.getByRole("button", { name: "Delete" }));

  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(asked.at(-1)).toMatchObject({ method: "DELETE", path: `vms/${vm.id}?disks=keep&force=false` });
});
