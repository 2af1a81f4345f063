import "@xterm/xterm/css/xterm.css";

import { Button } from "@patternfly/react-core";
import ExpandIcon from "@patternfly/react-icons/dist/esm/icons/expand-icon";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { useEffect, useRef, useState } from "react";

import { ConsoleFrame, type Link } from "./ConsoleFrame";
import { consoleUrl } from "./socket";

const SCROLLBACK = 5000; // lines

/** The serial console in a terminal. */
export function SerialConsole({ vm, name }: { vm: string; name: string }): React.JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [link, setLink] = useState<Link>({ state: "connecting" });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (!box.current) return;
    return openTerminal(box.current, vm, name, setLink);
  }, [vm, name, attempt]);

  return (
    <ConsoleFrame
      link={link}
      onReconnect={() => {
        setLink({ state: "connecting" });
        setAttempt(attempt + 1);
      }}
      toolbar={
        <Button
          variant="secondary"
          size="sm"
          icon={<ExpandIcon />}
          onClick={() => void box.current?.closest(".sk-console")?.requestFullscreen()}
        >
          Full screen
        </Button>
      }
    >
      <div ref={box} className="sk-terminal" />
    </ConsoleFrame>
  );
}

/** Show a terminal in the box, wired to the console of a machine; the answer takes it away. */
function openTerminal(box: HTMLElement, vm: string, name: string, onLink: (link: Link) => void): () => void {
  const terminal = new Terminal({
    scrollback: SCROLLBACK,
    cursorBlink: true,
    fontFamily: "'Red Hat Mono', 'RedHatMono', ui-monospace, monospace",
    fontSize: 14,
    theme: { background: "#101418" },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(box);
  terminal.textarea?.setAttribute("aria-label", `Serial console of ${name}`);
  const resized = new ResizeObserver(() => fit.fit());
  resized.observe(box);

  let gone = false;
  let socket: WebSocket | null = null;
  consoleUrl(vm, "serial").then(
    (url) => {
      if (!gone) socket = connect(url, terminal, (link) => gone || onLink(link));
    },
    (error: unknown) => gone || onLink({ state: "failed", error }),
  );
  return () => {
    gone = true;
    socket?.close();
    resized.disconnect();
    terminal.dispose();
  };
}

function connect(url: string, terminal: Terminal, onLink: (link: Link) => void): WebSocket {
  const socket = new WebSocket(url, ["binary"]);
  const encoder = new TextEncoder();
  const send = (data: Uint8Array<ArrayBuffer> | string): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
  };
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    onLink({ state: "open" });
    send(JSON.stringify({ resize: [terminal.cols, terminal.rows] }));
    terminal.focus();
  };
  socket.onmessage = (message: MessageEvent<ArrayBuffer | string>) => {
    terminal.write(typeof message.data === "string" ? message.data : new Uint8Array(message.data));
  };
  socket.onclose = ({ reason }) => onLink({ state: "closed", reason: reason || null });
  terminal.onData((text) => send(encoder.encode(text)));
  terminal.onBinary((text) => send(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  terminal.onResize(({ cols, rows }) => send(JSON.stringify({ resize: [cols, rows] })));
  return socket;
}
