import { expect, test } from "vitest";

import { readEvents, type ServerEvent } from "./sse";

function bodyOf(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
      controller.close();
    },
  });
}

async function read(...chunks: (string | Uint8Array)[]): Promise<(ServerEvent | null)[]> {
  const events: (ServerEvent | null)[] = [];
  for await (const event of readEvents(bodyOf(...chunks))) events.push(event);
  return events;
}

test("an event has a name, data and a number", async () => {
  expect(await read('id: e:7\nevent: fact\ndata: {"a":1}\n\n')).toEqual([
    { event: "fact", data: '{"a":1}', id: "e:7" },
  ]);
});

test("events may come in any pieces, also inside of a letter", async () => {
  const bytes = new TextEncoder().encode("event: x\ndata: grün\n\n");

  expect(await read(bytes.slice(0, 5), bytes.slice(5, 18), bytes.slice(18))).toEqual([
    { event: "x", data: "grün", id: null },
  ]);
});

test("several lines of data are one text, and lines may end as on other systems", async () => {
  expect(await read("event: x\r\ndata: a\r\ndata: b\r\n\r\n")).toEqual([{ event: "x", data: "a\nb", id: null }]);
});

test("a comment is a sign of life and nothing else", async () => {
  expect(await read(": still here\n\n")).toEqual([null]);
});

test("an event that was cut off is not told", async () => {
  expect(await read("event: x\ndata: whole\n\nevent: x\ndata: ha")).toHaveLength(1);
});
