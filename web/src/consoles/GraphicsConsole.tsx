import RFB from "@novnc/novnc";
import { Button, Dropdown, DropdownItem, DropdownList, MenuToggle, Switch } from "@patternfly/react-core";
import ExpandIcon from "@patternfly/react-icons/dist/esm/icons/expand-icon";
import { useEffect, useRef, useState } from "react";

import { ConsoleFrame, type Link } from "./ConsoleFrame";
import { COMBINATIONS, pressTogether } from "./keys";
import { consoleUrl } from "./socket";
import { TypeTextDialog } from "./TypeTextDialog";

/** The screen, keyboard and mouse of a machine. */
export function GraphicsConsole({ vm, name }: { vm: string; name: string }): React.JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [rfb, setRfb] = useState<RFB | null>(null);
  const [link, setLink] = useState<Link>({ state: "connecting" });
  const [attempt, setAttempt] = useState(0);
  const [scaled, setScaled] = useState(true);
  const [typing, setTyping] = useState(false);

  useEffect(() => {
    if (!box.current) return;
    return openScreen(box.current, vm, setRfb, setLink);
  }, [vm, attempt]);

  useEffect(() => {
    if (rfb) scale(rfb, scaled);
  }, [rfb, scaled]);

  const open = rfb !== null && link.state === "open";
  return (
    <ConsoleFrame
      link={link}
      onReconnect={() => {
        setLink({ state: "connecting" });
        setAttempt(attempt + 1);
      }}
      toolbar={
        <>
          <Button variant="secondary" size="sm" isDisabled={!open} onClick={() => rfb?.sendCtrlAltDel()}>
            Ctrl+Alt+Del
          </Button>
          <KeysMenu isDisabled={!open} onChoose={(keys) => rfb && pressTogether(keys, rfb.sendKey.bind(rfb))} />
          <Button variant="secondary" size="sm" isDisabled={!open} onClick={() => setTyping(true)}>
            Type text
          </Button>
          <Button
            variant="secondary"
            size="sm"
            icon={<ExpandIcon />}
            isDisabled={!open}
            onClick={() => void goFullScreen(box.current, rfb)}
          >
            Full screen
          </Button>
          <Switch id="scaled" label="Fit to window" isChecked={scaled} onChange={(_event, on) => setScaled(on)} />
        </>
      }
    >
      <div ref={box} className="sk-screen" role="application" aria-label={`Screen of ${name}`} />
      {typing && rfb && (
        <TypeTextDialog
          send={rfb.sendKey.bind(rfb)}
          onClose={() => {
            setTyping(false);
            rfb.focus();
          }}
        />
      )}
    </ConsoleFrame>
  );
}

type Keys = (typeof COMBINATIONS)[number][1];

function KeysMenu({ isDisabled, onChoose }: { isDisabled: boolean; onChoose: (keys: Keys) => void }): React.JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      toggle={(ref) => (
        <MenuToggle ref={ref} size="sm" isExpanded={open} isDisabled={isDisabled} onClick={() => setOpen(!open)}>
          Other keys
        </MenuToggle>
      )}
    >
      <DropdownList>
        {COMBINATIONS.map(([label, keys]) => (
          <DropdownItem key={label} onClick={() => onChoose(keys)}>
            {label}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}

/** Show the screen of a machine in the box; the answer takes it away. */
function openScreen(
  box: HTMLElement,
  vm: string,
  onRfb: (rfb: RFB | null) => void,
  onLink: (link: Link) => void,
): () => void {
  let gone = false;
  let rfb: RFB | null = null;
  consoleUrl(vm, "graphics").then(
    (url) => {
      if (gone) return;
      rfb = new RFB(box, url, { wsProtocols: ["binary"] });
      rfb.background = "transparent";
      rfb.showDotCursor = true;
      rfb.addEventListener("connect", () => {
        if (gone) return;
        onLink({ state: "open" });
        rfb?.focus({ preventScroll: true });
      });
      rfb.addEventListener("disconnect", ({ detail }) => {
        if (!gone) onLink({ state: "closed", reason: detail.clean ? null : "the connection broke off" });
      });
      onRfb(rfb);
    },
    (error: unknown) => gone || onLink({ state: "failed", error }),
  );
  return () => {
    gone = true;
    rfb?.disconnect();
    onRfb(null);
  };
}

/** Fit the picture into the window, or show it as it is and let it be dragged. */
function scale(rfb: RFB, scaled: boolean): void {
  rfb.scaleViewport = scaled;
  rfb.clipViewport = !scaled;
  rfb.dragViewport = false;
}

interface Keyboard {
  lock?: () => Promise<void>;
}

/** In full screen, keys such as Escape and Alt+Tab go to the guest where the browser can do that. */
async function goFullScreen(box: HTMLElement | null, rfb: RFB | null): Promise<void> {
  await box?.closest(".sk-console")?.requestFullscreen();
  const { keyboard } = navigator as Navigator & { keyboard?: Keyboard };
  await keyboard?.lock?.();
  rfb?.focus();
}
