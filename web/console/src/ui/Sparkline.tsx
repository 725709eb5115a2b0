const WIDTH = 96;
const HEIGHT = 22;

/** A minute of counts, one bar a second, the newest at the right. */
export function Sparkline({ values, seconds = 60, label }: { values: readonly number[]; seconds?: number; label: string }) {
  const most = Math.max(1, ...values);
  const step = WIDTH / seconds;
  const offset = seconds - values.length;
  const bars = values
    .map((value, i) => {
      if (value <= 0) return "";
      const height = Math.max(1.5, (value / most) * (HEIGHT - 2));
      return `M${((offset + i) * step).toFixed(2)} ${HEIGHT}v-${height.toFixed(2)}h${(step * 0.72).toFixed(2)}V${HEIGHT}z`;
    })
    .join("");
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <path class="sparkline-base" d={`M0 ${HEIGHT - 0.5}h${WIDTH}`} />
      <path class="sparkline-bars" d={bars} />
    </svg>
  );
}
