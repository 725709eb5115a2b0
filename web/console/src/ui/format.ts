const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 12,345 */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** 12,345, and 1.2M above 100,000. */
export function short(value: number): string {
  return value < 100_000 ? WHOLE.format(value) : SHORT.format(value);
}

/** A part of something in whole percent: `12 %`; what is there is never `0 %`, and less than all never `100 %`. */
export function share(part: number, all: number): string {
  if (!all) return "–";
  const percent = (100 * part) / all;
  if (part > 0 && percent < 0.5) return "< 1 %";
  if (part < all && percent >= 99.5) return "> 99 %";
  return `${Math.round(percent)} %`;
}

/** Events per second: 0, 0.4, 12, 1,204. */
export function rate(value: number): string {
  return value >= 0.05 && value < 9.95 ? value.toFixed(1) : WHOLE.format(Math.round(value));
}

/** `14:03:22.120` today, `20 Nov 14:03:22` on other days, in the viewer's own zone. */
export function clock(iso: string, now = new Date()): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === now.toDateString()) return `${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  const day = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  return at.getFullYear() === now.getFullYear() ? `${day} ${time}` : `${day} ${at.getFullYear()}`;
}

const ZONE = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

/** The name of the viewer's own zone at a moment: `CET`, `GMT+1`. */
export function zone(at = new Date()): string {
  return ZONE.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** The whole moment with the day and the zone, for a panel or a hint. */
export function moment(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const day = `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day}, ${time}.${String(at.getMilliseconds()).padStart(3, "0")} ${zone(at)}`;
}

/** How much later one moment is than another: `340 ms`, `12 s`, `3 h`, `2 days`. */
export function between(earlier: string, later: string): string {
  const ms = new Date(later).getTime() - new Date(earlier).getTime();
  const size = Math.abs(ms);
  const units: [number, string][] = [[86_400_000, "days"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]];
  for (const [length, unit] of units) if (size >= length * (unit === "days" ? 2 : 1)) return `${Math.round(ms / length)} ${unit}`;
  return `${ms} ms`;
}

export function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
