/** A few days of counts as small bars; many hours share one. */
const WIDTH = 108;
const HEIGHT = 22;
const BARS = 56;

export function Bars({ hours, label }: { hours: readonly number[]; label: string }) {
  const per = Math.max(1, Math.ceil(hours.length / BARS));
  const bars: number[] = [];
  for (let i = 0; i < hours.length; i += per) bars.push(hours.slice(i, i + per).reduce((all, count) => all + count, 0));
  const most = Math.max(1, ...bars);
  const step = WIDTH / Math.max(1, bars.length);
  const path = bars.map((count, i) => {
    if (!count) return "";
    const height = Math.max(1.5, (count / most) * (HEIGHT - 2));
    return `M${(i * step).toFixed(2)} ${HEIGHT}v-${height.toFixed(2)}h${(step * 0.76).toFixed(2)}V${HEIGHT}z`;
  }).join("");
  const all = hours.reduce((sum, count) => sum + count, 0);
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${label}: ${all} in all`}>
      <path class="sparkline-base" d={`M0 ${HEIGHT - 0.5}h${WIDTH}`} />
      <path class="sparkline-bars" d={path} />
    </svg>
  );
}
