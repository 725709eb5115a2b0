/** A moment as the time since then, with the whole moment as a hint: `<When at={iso} />` or epoch milliseconds. */
import { useEffect, useState } from "preact/hooks";
import { moment } from "./format";
import { ago } from "./time";

const EVERY_MS = 10_000;

export function When({ at, none = "never" }: { at: string | number | null | undefined; none?: string }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  if (at === null || at === undefined || at === "" || at === 0) return <span class="faint">{none}</span>;
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span>{String(at)}</span>;
  const iso = date.toISOString();
  return <time dateTime={iso} title={moment(iso)} class="when">{ago(date.getTime())}</time>;
}
