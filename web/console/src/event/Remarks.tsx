/**
 * What the collector and the pipeline remark on about an event. Many remarks of one kind are one line, which opens: an
 * event that is not in the plan would fill the page with its properties.
 */
import { FlagIcon } from "../ui/icons";
import { Prose } from "../ui/Prose";
import "./remarks.css";

export interface Finding {
  code: string;
  pointer: string;
  detail?: string | undefined;
}

const FEW = 3;

/** The findings by their code, in the order in which these appear. */
export function byCode(findings: readonly Finding[]): [string, Finding[]][] {
  const found = new Map<string, Finding[]>();
  for (const finding of findings) found.set(finding.code, [...(found.get(finding.code) ?? []), finding]);
  return [...found];
}

export function Remarks({ of: findings }: { of: readonly Finding[] }) {
  if (!findings.length) return null;
  return (
    <ul class="remarks">
      {byCode(findings).map(([code, alike]) => alike.length <= FEW
        ? alike.map((finding) => <li key={code + finding.pointer}><Remark finding={finding} /></li>)
        : (
          <li key={code}>
            <details class="remarks-alike">
              <summary><FlagIcon /><code class="code-chip">{code}</code><span>at {alike.length} places: <code class="faint">{placesOf(alike)}</code></span></summary>
              <ul class="remarks">{alike.map((finding) => <li key={finding.pointer}><Remark finding={finding} /></li>)}</ul>
            </details>
          </li>
        ))}
    </ul>
  );
}

function Remark({ finding: { code, pointer, detail } }: { finding: Finding }) {
  return <><FlagIcon /><code class="code-chip">{code}</code>{pointer && <code class="faint">{pointer}</code>}{detail && <span><Prose text={detail} /></span>}</>;
}

/** The last parts of their pointers. */
function placesOf(findings: readonly Finding[]): string {
  return findings.map((finding) => finding.pointer.slice(finding.pointer.lastIndexOf("/") + 1)).join(", ");
}
