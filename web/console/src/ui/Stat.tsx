/**
 * A figure that one looks at first.
 *
 *     <Stats>
 *       <Stat label="Events per second" value="1,204" note="last minute" />
 *       <Stat label="Failed" value="21" tone="bad" href="/destinations" />
 *     </Stats>
 */
import type { ComponentChildren } from "preact";
import { Link } from "./Link";

interface Props {
  label: string;
  value: ComponentChildren;
  unit?: string;
  note?: ComponentChildren;
  tone?: "good" | "odd" | "bad" | undefined;
  href?: string | undefined;
  /** A small picture at the right, such as a sparkline. */
  children?: ComponentChildren;
}

export function Stats({ children }: { children: ComponentChildren }) {
  return <dl class="stats">{children}</dl>;
}

export function Stat({ label, value, unit, note, tone, href, children }: Props) {
  return (
    <div class="stat" data-tone={tone}>
      <dt>{href ? <Link href={href} class="lead">{label}</Link> : label}</dt>
      <dd class="stat-value">{value}{unit && <small> {unit}</small>}</dd>
      {note && <dd class="stat-note">{note}</dd>}
      {children && <dd class="stat-extra">{children}</dd>}
    </div>
  );
}
