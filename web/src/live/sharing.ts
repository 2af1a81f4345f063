/**
 * One event stream for all tabs of a browser, because browsers allow only a few connections to one host.
 *
 * The tab that holds a Web Lock listens and tells the others over a BroadcastChannel. When it closes, the next
 * one gets the lock and goes on after the last event that it was told. A tab that comes to the front takes the lock
 * over, because browsers may put those in the background to sleep.
 */

import { listen } from "./connection";
import type { ServerEvent } from "./sse";

const NAME = "skerry-events";

type Message = { say: "event"; event: ServerEvent } | { say: "state"; connected: boolean } | { say: "signed-out" } | { say: "ask" };

export interface Audience {
  onEvent(event: ServerEvent): void;
  onState(connected: boolean): void;
  onSignedOut(): void;
}

/** Take part in the shared stream; the answer leaves it. */
export function joinStream(audience: Audience): () => void {
  const member = new Member(audience);
  return () => member.leave();
}

/** Tell the other tabs that the session is over. */
export function tellSignedOut(): void {
  const channel = new BroadcastChannel(NAME);
  channel.postMessage({ say: "signed-out" } satisfies Message);
  channel.close();
}

class Member {
  private readonly channel = new BroadcastChannel(NAME);
  private readonly left = new AbortController();
  private lastId: string | null = null;
  private leads = false;
  private connected = false;

  constructor(private readonly audience: Audience) {
    this.channel.onmessage = (message: MessageEvent<Message>) => this.hear(message.data);
    document.addEventListener("visibilitychange", this.comeToFront, { signal: this.left.signal });
    this.post({ say: "ask" });
    void this.candidate(false);
  }

  leave(): void {
    this.left.abort();
    this.channel.close();
  }

  private readonly comeToFront = (): void => {
    if (document.visibilityState === "visible" && !this.leads) void this.candidate(true);
  };

  /** Wait for the lock, or take it, and listen while it is ours. */
  private async candidate(steal: boolean): Promise<void> {
    const locks = navigator.locks as LockManager | undefined; // absent without TLS
    if (!locks) {
      await this.lead(this.left.signal);
      return;
    }
    const lost = new AbortController();
    const options = steal ? { steal } : { signal: this.left.signal };
    try {
      await locks.request(NAME, options, () => this.lead(AbortSignal.any([this.left.signal, lost.signal])));
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "AbortError") throw error;
      lost.abort();
      if (!this.left.signal.aborted && !steal) void this.candidate(false);
    }
  }

  private async lead(signal: AbortSignal): Promise<void> {
    this.leads = true;
    const listener = {
      lastId: () => this.lastId,
      onEvent: (event: ServerEvent) => this.tell({ say: "event", event }),
      onState: (connected: boolean) => this.tell({ say: "state", connected }),
      onSignedOut: () => this.tell({ say: "signed-out" }),
    };
    try {
      await listen(listener, signal);
    } finally {
      this.leads = false;
    }
  }

  private tell(message: Message): void {
    this.post(message);
    this.hear(message);
  }

  private post(message: Message): void {
    if (!this.left.signal.aborted) this.channel.postMessage(message);
  }

  private hear(message: Message): void {
    if (this.left.signal.aborted) return;
    switch (message.say) {
      case "ask":
        if (this.leads) this.post({ say: "state", connected: this.connected });
        break;
      case "state":
        this.connected = message.connected;
        this.audience.onState(message.connected);
        break;
      case "signed-out":
        this.audience.onSignedOut();
        break;
      case "event":
        this.onEvent(message.event);
        break;
    }
  }

  private onEvent(event: ServerEvent): void {
    if (event.event === "hello" || event.event === "reset") {
      this.lastId = (JSON.parse(event.data) as { id: string }).id;
    } else if (event.id !== null) {
      if (isOld(event.id, this.lastId)) return; // two tabs led for a moment
      this.lastId = event.id;
    }
    this.audience.onEvent(event);
  }
}

/** Whether a number `epoch:n` is not after another one of the same epoch. */
export function isOld(id: string, last: string | null): boolean {
  if (last === null) return false;
  const [epoch, number] = split(id);
  const [lastEpoch, lastNumber] = split(last);
  return epoch === lastEpoch && number <= lastNumber;
}

function split(id: string): [string, number] {
  const colon = id.lastIndexOf(":");
  return [id.slice(0, colon), Number(id.slice(colon + 1))];
}
