/** What a machine starts from, in words. */

import type { BootDevice } from "../../api/types";

export const BOOT_DEVICES: Readonly<Record<BootDevice, string>> = { hd: "Disk", cdrom: "CD", network: "Network" };

/** `Disk, then CD`; devices with an order of their own are named as libvirt names them. */
export function bootText(order: readonly string[]): string {
  if (order.length === 0) return "as the firmware likes";
  return order.map((word) => (isDevice(word) ? BOOT_DEVICES[word] : word)).join(", then ");
}

/** The devices of an order, with those that are missing at the end. */
export function fullOrder(order: readonly string[]): { device: BootDevice; on: boolean }[] {
  const on = order.filter(isDevice);
  const off = (Object.keys(BOOT_DEVICES) as BootDevice[]).filter((device) => !on.includes(device));
  return [...on.map((device) => ({ device, on: true })), ...off.map((device) => ({ device, on: false }))];
}

function isDevice(word: string): word is BootDevice {
  return word in BOOT_DEVICES;
}
