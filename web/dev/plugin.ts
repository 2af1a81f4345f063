/** A Vite plugin that answers as Skerry would, for `npm run dev:mock` and `preview:mock`. Any user, password “skerry”. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";

import type { Connect, Plugin } from "vite";
import { WebSocketServer } from "ws";

import { serveGraphics, serveSerial } from "./consoles.ts";
import { route } from "./routes.ts";
import { World } from "./world.ts";

const API = "/api/v1/";
const POLICY =
  "default-src 'self'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'";

interface Host {
  middlewares: Connect.Server;
  httpServer: unknown;
}

export function mockServer(): Plugin {
  const world = new World(Number(process.env.MOCK_VMS ?? 120));
  const signedIn: { name: string | null } = { name: null };
  const streams = new Set<ServerResponse>();
  world.say = (event, data, id) => {
    for (const stream of streams) stream.write(encode(event, data, id));
  };

  const answer: Connect.NextHandleFunction = (request, response, next) => {
    const url = new URL(request.url ?? "/", "http://mock");
    if (!url.pathname.startsWith(API)) {
      if (process.env.MOCK_POLICY) response.setHeader("Content-Security-Policy", POLICY);
      next();
      return;
    }
    const path = url.pathname.slice(API.length);
    if (path === "events") {
      openStream(request, response);
      return;
    }
    void readBody(request).then((bytes) => {
      const body: unknown = request.headers["content-type"]?.includes("json") && bytes.length > 0 ? JSON.parse(bytes.toString()) : null;
      const reply = route(world, { method: request.method ?? "GET", path, query: url.searchParams, headers: request.headers, body, bytes: bytes.length }, signedIn);
      response.writeHead(reply.status, { "Content-Type": "application/json", ...reply.headers });
      response.end(reply.body === undefined ? "" : JSON.stringify(reply.body));
    });
  };

  const openStream = (request: IncomingMessage, response: ServerResponse): void => {
    if (signedIn.name === null) {
      response.writeHead(401).end();
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    const last = request.headers["last-event-id"];
    if (typeof last === "string" && last.startsWith("mock:")) {
      const from = Number(last.slice(5));
      for (const fact of world.facts.slice(from)) response.write(encode("fact", fact, fact.id));
    } else {
      response.write(encode("hello", { id: world.lastFact }));
    }
    streams.add(response);
    request.on("close", () => streams.delete(response));
  };

  const install = ({ middlewares, httpServer }: Host): void => {
    middlewares.use(answer);
    const sockets = new WebSocketServer({ noServer: true });
    (httpServer as Server).on("upgrade", (request: IncomingMessage, socket, head) => {
      if (!request.url?.startsWith(`${API}consoles/`)) return;
      sockets.handleUpgrade(request, socket, head, (opened) => {
        if (request.url?.endsWith("serial")) serveSerial(opened);
        else serveGraphics(opened);
      });
    });
    setInterval(() => world.sample(), 2000).unref();
    setInterval(() => {
      for (const stream of streams) stream.write(": still here\n\n");
    }, 15_000).unref();
  };
  return { name: "skerry-mock", configureServer: (server) => install(server), configurePreviewServer: (server) => install(server) };
}

function encode(event: string, data: unknown, id?: string): string {
  return `${id ? `id: ${id}\n` : ""}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
