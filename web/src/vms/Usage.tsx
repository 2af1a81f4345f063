import type { Vm } from "../api/types";
import { formatBytes, formatPercent, plural } from "../common/format";
import { UsageBar } from "../common/UsageBar";
import { useMachineSample } from "../live/samples";

/** What a machine's processors do now. */
export function CpuUsage({ vm }: { vm: Vm }): React.JSX.Element {
  const sample = useMachineSample(vm.id) ?? vm.sample;
  const cpus = plural(vm.vcpus, "CPU");
  if (vm.state !== "running" || !sample) return <span className="sk-quiet">{cpus}</span>;
  return <UsageBar share={sample.cpu} text={`${formatPercent(sample.cpu)} of ${cpus}`} label={`CPU of ${vm.name}`} />;
}

/** What a machine uses of its memory: as the guest says, or else what the host gave it. */
export function MemoryUsage({ vm }: { vm: Vm }): React.JSX.Element {
  const sample = useMachineSample(vm.id) ?? vm.sample;
  const used = vm.state === "running" && sample ? (sample.memory ?? Math.min(sample.resident, vm.memory)) : null;
  if (used === null) return <span className="sk-quiet">{formatBytes(vm.memory)}</span>;
  return (
    <UsageBar
      share={used / vm.memory}
      text={`${formatBytes(used)} of ${formatBytes(vm.memory)}`}
      label={`Memory of ${vm.name}`}
      alarming={sample?.memory != null}
    />
  );
}
