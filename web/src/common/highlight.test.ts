import { expect, test } from "vitest";

import { tokenize, type Language } from "./highlight";

test.each<[Language, string]>([
  ["xml", "<domain type='kvm'>\n  <name>a &amp; b</name><!-- half"],
  ["yaml", "#cloud-config\nkey: [1, 'two']\n  - \"x\\\"y\": |\n    text"],
  ["xml", "broken < \"' > <<</"],
])("no letter of a text is lost in %s", (language, text) => {
  expect(tokenize(text, language).map((token) => token.text).join("")).toBe(text);
});

test("XML shows its tags, attributes, values and comments", () => {
  const kinds = tokenize("<a b='c'/><!-- d -->", "xml").map((token) => `${token.kind} ${token.text}`);

  expect(kinds).toEqual(["tag <a", "plain  ", "attribute b", "plain =", "string 'c'", "tag />", "comment <!-- d -->"]);
});

test("YAML shows its keys and comments", () => {
  const found = tokenize("key: value # why", "yaml").filter((token) => token.kind !== "plain");

  expect(found.map((token) => token.kind)).toEqual(["key", "mark", "comment"]);
});
