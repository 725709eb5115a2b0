/** `512 B`, `4.2 MB`, `71 GB`: powers of 1000, as disks are sold. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let at = 0;
  while (size >= 1000 && at < units.length - 1) { size /= 1000; at++; }
  return `${at > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[at]}`;
}

/** `0 %`, `0.4 %`, `12 %`; a share from 0 to 1. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value > 0 && value < 9.95) return `${value.toFixed(1)} %`;
  if (value > 99.9 && value < 100) return "> 99.9 %";
  return `${Math.round(value)} %`;
}
