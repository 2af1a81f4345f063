import { screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";

import { renderPage } from "../../test/render";
import { json, problem, serve, type Answer } from "../../test/server";
import { aVm } from "../../test/things";
import { DefinitionTab } from "./DefinitionTab";

const XML = "<domain>\n  <vcpu>1</vcpu>\n</domain>";
const MINE = XML.replace("1", "2");
const THEIRS = XML.replace("<vcpu>", "<title>theirs</title>\n  <vcpu>");
const vm = aVm({ id: "vm1", name: "web1" });

const checks: Answer = ({ body }) => json({ xml: (body as { xml: string }).xml, etag: "e1" });

async function edit(text: string): Promise<HTMLTextAreaElement> {
  const field = await screen.findByLabelText<HTMLTextAreaElement>("Definition of web1");
  await userEvent.clear(field);
  await userEvent.click(field);
  await userEvent.paste(text);
  return field;
}

test("changes are compared before they are saved, under the version that they were made to", async () => {
  const asked = serve({
    "GET vms/vm1/definition": { xml: XML, etag: "e1" },
    "POST vms/vm1/definition/check": checks,
    "PUT vms/vm1/definition": { xml: MINE, etag: "e2" },
  });
  renderPage(<DefinitionTab vm={vm} />);

  await edit(MINE);
  await userEvent.click(screen.getByRole("button", { name: "Review and save" }));
  await screen.findByText("Save these changes?");
  expect(document.querySelector(".sk-diff-removed")?.textContent).toContain("<vcpu>1</vcpu>");
  expect(document.querySelector(".sk-diff-added")?.textContent).toContain("<vcpu>2</vcpu>");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));

  await waitFor(() => expect(asked.at(-1)?.method).toBe("PUT"));
  expect(asked.at(-1)?.headers.get("If-Match")).toBe('"e1"');
});

test("what the hypervisor does not accept is told, and the text stays", async () => {
  serve({
    "GET vms/vm1/definition": { xml: XML, etag: "e1" },
    "POST vms/vm1/definition/check": () => problem(422, "bad-definition", { detail: "no such element" }),
  });
  renderPage(<DefinitionTab vm={vm} />);

  const field = await edit("<domain/>");
  await userEvent.click(screen.getByRole("button", { name: "Review and save" }));

  expect(await screen.findByText("No such element")).toBeDefined();
  expect(field.value).toBe("<domain/>");
});

test("a change behind the page is shown, and nothing is lost: mine goes on top of theirs when I say so", async () => {
  let now = { xml: XML, etag: "e1" };
  const asked = serve({
    "GET vms/vm1/definition": () => json(now),
    "POST vms/vm1/definition/check": checks,
    "PUT vms/vm1/definition": ({ headers }) =>
      headers.get("If-Match") === `"${now.etag}"` ? json({ xml: MINE, etag: "e3" }) : problem(412, "changed"),
  });
  renderPage(<DefinitionTab vm={vm} />);
  const field = await edit(MINE);
  now = { xml: THEIRS, etag: "e2" };

  await userEvent.click(screen.getByRole("button", { name: "Review and save" }));
  await userEvent.click(await screen.findByRole("button", { name: "Save" }));
  await screen.findByText("The definition was changed behind this page", { exact: false });
  expect(field.value).toBe(MINE);

  await userEvent.click(screen.getByRole("button", { name: "Show what changed" }));
  expect(document.querySelector(".sk-diff-added")?.textContent).toContain("theirs");
  await userEvent.click(screen.getByRole("button", { name: "Keep my text on top of it" }));
  await userEvent.click(screen.getByRole("button", { name: "Review and save" }));
  await userEvent.click(await screen.findByRole("button", { name: "Save" }));

  await waitFor(() => expect(asked.at(-1)?.headers.get("If-Match")).toBe('"e2"'));
});

test("Tab indents in the editor, and after Escape it leaves", async () => {
  serve({ "GET vms/vm1/definition": { xml: XML, etag: "e1" } });
  renderPage(<DefinitionTab vm={vm} />);
  const field = await screen.findByLabelText<HTMLTextAreaElement>("Definition of web1");
  field.focus();
  field.setSelectionRange(0, 0);

  await userEvent.keyboard("{Tab}");
  expect(field.value.startsWith("  <domain>")).toBe(true);
  expect(document.activeElement).toBe(field);

  await userEvent.keyboard("{Escape}{Tab}");
  expect(document.activeElement).not.toBe(field);
});
