import { screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";

import { renderPage } from "../../test/render";
import { json, page, problem, serve, type Answer } from "../../test/server";
import { aHost, anImage, aTask } from "../../test/things";
import type { GuestOs } from "../../api/types";
import { NewVmPage } from "./NewVmPage";

const image = anImage({ id: "t", name: "aos" });
const network = { name: "default", kind: "network", active: true, autostart: true, bridge: null, forward: "nat", addresses: [], dhcp: true };

const little: GuestOs = {
  host: "anvil",
  name: "little",
  path: "/usr/share/ganeti/os/little",
  usable: true,
  variants: ["calm", "stormy"],
  parameters: [
    { name: "filesystem", help: "Of the root" },
    { name: "words", help: "What is written" },
  ],
  api_versions: [20],
  problems: [],
};

function serveForm(create: Answer): ReturnType<typeof serve> {
  return serve({
    "GET images": page([image]),
    "GET hosts": page([aHost()]),
    "GET networks": page([network]),
    "GET guest-oses": page([little]),
    "POST vms": create,
  });
}

test("a name is enough: the rest has values that work, and one is led to the new machine", async () => {
  const asked = serveForm(() => json(aTask({ object: { kind: "vm", id: "new", name: "web1" } }), 202));
  renderPage(<NewVmPage />);

  await userEvent.type(await screen.findByLabelText(/^Name/), "web1");
  await userEvent.click(screen.getByRole("button", { name: "Create machine" }));

  expect(await screen.findByText("elsewhere")).toBeDefined();
  expect(asked.at(-1)?.body).toMatchObject({
    name: "web1",
    disks: [{ kind: "image", image: "t" }],
    nics: [{ kind: "network", network: "default" }],
    start: true,
  });
});

test("nothing is sent while something is wrong; the first wrong field gets the focus", async () => {
  const asked = serveForm(() => json(aTask(), 202));
  renderPage(<NewVmPage />);
  await screen.findByLabelText(/^Name/);
  screen.getByRole("button", { name: "Create machine" }).focus();

  await userEvent.click(screen.getByRole("button", { name: "Create machine" }));

  expect(screen.getByText("A name is needed.")).toBeDefined();
  expect(document.activeElement?.id).toBe("name");
  expect(asked.some((one) => one.method === "POST")).toBe(false);
});

test("what the server refuses is shown at its field, until that is changed", async () => {
  serveForm(() => problem(409, "name-taken", { detail: "there is a machine web1 already" }));
  renderPage(<NewVmPage />);
  const name = await screen.findByLabelText(/^Name/);
  await userEvent.type(name, "web1");

  await userEvent.click(screen.getByRole("button", { name: "Create machine" }));
  expect(await screen.findByText("There is a machine web1 already")).toBeDefined();

  await userEvent.type(name, "2");
  expect(screen.queryByText("There is a machine web1 already")).toBeNull();
});

test("a refusal that belongs to no field is shown with what to do", async () => {
  serveForm(() => problem(507, "no-space", { detail: "the pool is full", hint: "delete something" }));
  renderPage(<NewVmPage />);
  await userEvent.type(await screen.findByLabelText(/^Name/), "web1");

  await userEvent.click(screen.getByRole("button", { name: "Create machine" }));

  expect(await screen.findByText("The pool is full")).toBeDefined();
  expect(screen.getByText("Delete something")).toBeDefined();
});

test("user-data that is no YAML is not sent", async () => {
  const asked = serveForm(() => json(aTask(), 202));
  renderPage(<NewVmPage />);
  await userEvent.type(await screen.findByLabelText(/^Name/), "web1");
  await userEvent.click(screen.getByRole("button", { name: /User-data/ }));
  await userEvent.click(screen.getByLabelText("User-data for cloud-init"));
  await userEvent.paste("#cloud-config\na: [1");

  await userEvent.click(screen.getByRole("button", { name: "Create machine" }));

  expect((await screen.findAllByText(/sequence/)).length).toBeGreaterThan(0);
  expect(asked.some((one) => one.method === "POST")).toBe(false);
});

test("a definition is chosen with its variant, and its parameters are fields", async () => {
  const asked = serveForm(() => json(aTask(), 202));
  renderPage(<NewVmPage />);
  await userEvent.type(await screen.findByLabelText(/^Name/), "web1");
  await userEvent.click(await screen.findByLabelText(/Guest OS definition/));

  await userEvent.click(screen.getByRole("button", { name: "Create machine" }));
  expect(screen.getByText("Choose a definition.")).toBeDefined();

  await userEvent.selectOptions(screen.getByLabelText(/^Definition/), "little+stormy");
  await userEvent.type(screen.getByLabelText("filesystem"), "xfs");
  await userEvent.click(screen.getByRole("button", { name: "Create machine" }));

  expect(await screen.findByText("elsewhere")).toBeDefined();
  expect(asked.at(-1)?.body).toMatchObject({
    disks: [{ kind: "empty" }],
    guest_os: "little+stormy",
    os_parameters: { filesystem: "xfs" },
    cloud_init: null,
  });
});

test("parameters may have several lines; an empty one at the end is not meant", async () => {
  const asked = serveForm(() => json(aTask(), 202));
  renderPage(<NewVmPage />);
  await userEvent.type(await screen.findByLabelText(/^Name/), "web1");
  await userEvent.click(await screen.findByLabelText(/Guest OS definition/));
  await userEvent.selectOptions(screen.getByLabelText(/^Definition/), "little+stormy");

  await userEvent.click(screen.getByLabelText("words"));
  await userEvent.paste("one\ntwo\n");
  await userEvent.type(screen.getByLabelText("filesystem"), "xfs{Enter}");
  await userEvent.click(screen.getByRole("button", { name: "Create machine" }));

  expect(await screen.findByText("elsewhere")).toBeDefined();
  expect(asked.at(-1)?.body).toMatchObject({ os_parameters: { filesystem: "xfs", words: "one\ntwo" } });
});

test("where no definition can be used, none is offered", async () => {
  serve({
    "GET images": page([image]),
    "GET hosts": page([aHost()]),
    "GET networks": page([network]),
    "GET guest-oses": page([{ ...little, usable: false }]),
  });
  renderPage(<NewVmPage />);

  await screen.findByLabelText(/^Name/);

  expect(screen.queryByLabelText(/Guest OS definition/)).toBeNull();
});
