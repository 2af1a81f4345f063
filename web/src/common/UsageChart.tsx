import { useId } from "react";

export interface Series {
  name: string;
  points: readonly { at: number; value: number }[];
}

interface Props {
  title: string;
  series: readonly [Series] | readonly [Series, Series];
  format: (value: number) => string;
  /** The top of the scale; without it the highest value decides. */
  max?: number;
  /** A scale never smaller than this, so that noise stays small. */
  minTop?: number;
}

const WIDTH = 300;
const HEIGHT = 72;
const SPAN_MS = 5 * 60_000;

/** The last five minutes of one or two values. */
export function UsageChart({ title, series, format, max, minTop = 0 }: Props): React.JSX.Element {
  const id = useId();
  const values = series.flatMap((one) => one.points.map((point) => point.value));
  const top = max ?? Math.max(minTop, ...values) * 1.1;
  const end = Math.max(0, ...series.map((one) => one.points.at(-1)?.at ?? 0));
  const now = series.map((one) => describe(one, format)).join(", ");
  return (
    <figure className="sk-chart" aria-labelledby={id}>
      <figcaption id={id}>
        <span className="sk-chart-title">{title}</span>
        <span className="sk-chart-values">
          {series.map((one, index) => (
            <span key={one.name} className={`sk-series-${index}`}>
              {series.length > 1 && <span className="sk-chart-name">{one.name} </span>}
              {last(one) === null ? "–" : format(last(one) ?? 0)}
            </span>
          ))}
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${title}: ${now}`}>
        <line className="sk-chart-grid" x1="0" x2={WIDTH} y1={HEIGHT / 2} y2={HEIGHT / 2} />
        {series.map((one, index) => (
          <g key={one.name} className={`sk-series-${index}`}>
            <path className="sk-chart-area" d={area(one, end, top)} />
            <path className="sk-chart-line" d={line(one, end, top)} />
          </g>
        ))}
      </svg>
      <div className="sk-chart-axis" aria-hidden="true">
        <span>5 minutes ago</span>
        <span>top {format(top)}</span>
        <span>now</span>
      </div>
    </figure>
  );
}

function last(series: Series): number | null {
  return series.points.at(-1)?.value ?? null;
}

function describe(series: Series, format: (value: number) => string): string {
  const value = last(series);
  return `${series.name} ${value === null ? "not known" : format(value)}`;
}

function coordinates(series: Series, end: number, top: number): [number, number][] {
  return series.points
    .filter((point) => point.at >= end - SPAN_MS)
    .map(({ at, value }) => [
      WIDTH - ((end - at) / SPAN_MS) * WIDTH,
      HEIGHT - 1 - (Math.min(value, top) / (top || 1)) * (HEIGHT - 4),
    ]);
}

function line(series: Series, end: number, top: number): string {
  return coordinates(series, end, top)
    .map(([x, y], index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
}

function area(series: Series, end: number, top: number): string {
  const points = coordinates(series, end, top);
  const [first] = points;
  const final = points.at(-1);
  if (!first || !final) return "";
  return `${line(series, end, top)}L${final[0].toFixed(1)} ${HEIGHT}L${first[0].toFixed(1)} ${HEIGHT}Z`;
}
