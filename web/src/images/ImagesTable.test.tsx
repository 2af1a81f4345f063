import { screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";

import { renderPage } from "../test/render";
import { anImage } from "../test/things";
import { ImagesTable } from "./ImagesTable";

async function offered(name: string): Promise<string[]> {
  await userEvent.click(screen.getByRole("button", { name: `Actions for ${name}` }));
  return screen.getAllByRole("menuitem").map((item) => item.textContent);
}

test("an image offers what can be done with it in its state", async () => {
  renderPage(<ImagesTable images={[anImage({ name: "aos" })]} />);
  expect(await offered("aos")).toEqual(["Create machine", "Rename or describe", "Delete"]);
});

test("an image that is being imported is neither used nor deleted", async () => {
  renderPage(<ImagesTable images={[anImage({ name: "new", state: "importing" })]} />);
  expect(await offered("new")).toEqual(["Rename or describe"]);
});

test("an image that is being deleted says so, and offers nothing", () => {
  renderPage(<ImagesTable images={[anImage({ name: "old", state: "deleting" })]} />);
  const row = screen.getByText("old").closest("tr") as HTMLElement;
  expect(within(row).getByText("Deleting")).toBeDefined();
  expect(within(row).queryByRole("button")).toBeNull();
});
