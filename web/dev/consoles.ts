/** The two consoles of a pretended machine: a terminal that echoes, and a picture with a moving bar (RFB 3.8). */

import type { WebSocket } from "ws";

const WIDTH = 640;
const HEIGHT = 400;

export function serveSerial(socket: WebSocket): void {
  socket.send(Buffer.from("\x1b[32mDebian GNU/Linux 12\x1b[0m web1 ttyS0\r\n\r\nweb1 login: "));
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) socket.send(Buffer.from(data.toString().replaceAll("\r", "\r\nPassword: ")));
  });
}

export function serveGraphics(socket: WebSocket): void {
  let stage = 0;
  let incoming = Buffer.alloc(0);
  let frame = 0;
  socket.send(Buffer.from("RFB 003.008\n"));
  socket.on("message", (data: Buffer) => {
    incoming = Buffer.concat([incoming, data]);
    const sizes = [12, 1, 1];
    while (stage < 3 && incoming.length >= (sizes[stage] ?? 0)) {
      incoming = incoming.subarray(sizes[stage]);
      if (stage === 0) socket.send(Buffer.from([1, 1])); // one security type: none
      if (stage === 1) socket.send(Buffer.alloc(4));
      if (stage === 2) socket.send(hello());
      stage += 1;
    }
    while (stage === 3) {
      const length = messageLength(incoming);
      if (length === 0 || incoming.length < length) return;
      if (incoming[0] === 3) setTimeout(() => socket.send(picture((frame += 1))), 100);
      incoming = incoming.subarray(length);
    }
  });
}

function messageLength(data: Buffer): number {
  switch (data.length < 1 ? null : data.readUInt8(0)) {
    case null:
      return 0;
    case 0:
      return 20;
    case 2:
      return data.length < 4 ? 0 : 4 + 4 * data.readUInt16BE(2);
    case 3:
      return 10;
    case 4:
      return 8;
    case 5:
      return 6;
    case 6:
      return data.length < 8 ? 0 : 8 + Math.abs(data.readInt32BE(4));
    default:
      return data.length;
  }
}

function hello(): Buffer {
  const name = Buffer.from("web1");
  const head = Buffer.alloc(24);
  head.writeUInt16BE(WIDTH, 0);
  head.writeUInt16BE(HEIGHT, 2);
  Buffer.from([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0]).copy(head, 4);
  head.writeUInt32BE(name.length, 20);
  return Buffer.concat([head, name]);
}

function picture(frame: number): Buffer {
  const head = Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, WIDTH >> 8, WIDTH & 255, HEIGHT >> 8, HEIGHT & 255, 0, 0, 0, 0]);
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 4);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const bar = Math.abs(x - ((frame * 8) % WIDTH)) < 12;
      pixels.writeUInt32LE(bar ? 0x7fd1e8 : ((y >> 2) << 8) | (x >> 2), (y * WIDTH + x) * 4);
    }
  }
  return Buffer.concat([head, pixels]);
}
