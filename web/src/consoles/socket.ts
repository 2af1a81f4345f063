/** The way to a console: a ticket, and the WebSocket that it opens once. */

import { openConsole } from "../vms/queries";

/** The address of a new connection to a console. */
export async function consoleUrl(vm: string, kind: "serial" | "graphics"): Promise<string> {
  const ticket = await openConsole(vm, kind);
  const url = new URL(ticket.path, location.origin);
  url.protocol = location.protocol === "http:" ? "ws:" : "wss:";
  return url.href;
}
