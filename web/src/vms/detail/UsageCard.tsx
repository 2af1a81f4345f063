import { Card, CardBody, CardTitle } from "@patternfly/react-core";

import type { MachineSample, Vm } from "../../api/types";
import { formatBytes, formatPercent, formatRate } from "../../common/format";
import { UsageChart, type Series } from "../../common/UsageChart";
import { useMachineHistory, type Timed } from "../../live/samples";

const QUIET_RATE = 16 * 1024; // bytes a second; less than this is no news

/** The last minutes of a machine. */
export function UsageCard({ vm }: { vm: Vm }): React.JSX.Element {
  const history = useMachineHistory(vm.id);
  const running = vm.state === "running" || vm.state === "paused";
  return (
    <Card>
      <CardTitle component="h2">Last minutes</CardTitle>
      <CardBody>
        {!running && <p className="sk-quiet">A machine that does not run uses nothing.</p>}
        {running && (
          <div className="sk-charts">
            <UsageChart title="CPU" format={formatPercent} max={1} series={[series("used", history, (value) => value.cpu)]} />
            <UsageChart
              title="Memory"
              format={formatBytes}
              max={vm.memory}
              series={[series("used", history, (value) => value.memory ?? value.resident)]}
            />
            <UsageChart
              title="Disks"
              format={formatRate}
              minTop={QUIET_RATE}
              series={[
                series("read", history, (value) => value.disk_read),
                series("written", history, (value) => value.disk_write),
              ]}
            />
            <UsageChart
              title="Network"
              format={formatRate}
              minTop={QUIET_RATE}
              series={[
                series("in", history, (value) => value.net_receive),
                series("out", history, (value) => value.net_send),
              ]}
            />
          </div>
        )}
      </CardBody>
    </Card>
  );
}

function series(name: string, history: readonly Timed<MachineSample>[], of: (sample: MachineSample) => number): Series {
  return { name, points: history.map(({ at, value }) => ({ at, value: of(value) })) };
}
