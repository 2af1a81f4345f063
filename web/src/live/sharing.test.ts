import { expect, test } from "vitest";

import { isOld } from "./sharing";

test.each([
  ["e:5", null, false],
  ["e:5", "e:4", false],
  ["e:5", "e:5", true],
  ["e:4", "e:5", true],
  ["e:10", "e:9", false],
  ["f:1", "e:9", false],
])("number %s after %s was seen: old is %s", (id, last, old) => {
  expect(isOld(id, last)).toBe(old);
});
