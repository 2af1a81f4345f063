/** Short names for the models of the OpenAPI document. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Address = Schemas["Address"];
export type ConsoleTicket = Schemas["ConsoleTicket"];
export type Definition = Schemas["Definition"];
export type Disk = Schemas["Disk"];
export type Fact = Schemas["Fact"];
export type GuestOs = Schemas["GuestOs"];
export type HostInfo = Schemas["HostInfo"];
export type Image = Schemas["Image"];
export type MachineSample = Schemas["MachineSample"];
export type Network = Schemas["Network"];
export type NewVm = Schemas["NewVm"];
export type NewVmDisk = NewVm["disks"][number];
export type NewNic = Schemas["NewNic"];
export type Nic = Schemas["Nic"];
export type ObjectRef = Schemas["ObjectRef"];
export type Problem = Schemas["Problem"];
export type SamplesOfHost = Schemas["SamplesOfHost"];
export type Session = Schemas["Session"];
export type Snapshot = Schemas["Snapshot"];
export type StoragePool = Schemas["StoragePool"];
export type Task = Schemas["Task"];
export type TaskLogLine = Schemas["TaskLogLine"];
export type TaskProgress = Schemas["TaskProgress"];
export type TaskState = Schemas["TaskState"];
export type Token = Schemas["Token"];
export type TokenWithSecret = Schemas["TokenWithSecret"];
export type Upload = Schemas["Upload"];
export type User = Schemas["User"];
export type Vm = Schemas["Vm"];
export type Volume = Schemas["VolumeInfo"];
export type VmAction = Schemas["VmAction"];
export type VmActionRequest = Schemas["VmActionRequest"];
export type VmChanges = Schemas["VmChanges"];
export type VmState = Schemas["VmState"];
export type BootDevice = NewVm["boot_order"][number];

/** One page of a list. */
export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
  total: number;
}
