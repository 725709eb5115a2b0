/** What a stage changed, place by place. */
import type { Change } from "./story";

export function Changes({ changes }: { changes: readonly Change[] }) {
  if (!changes.length) return null;
  return (
    <ul class="changes">
      {changes.map((change) => (
        <li key={change.pointer}>
          <code class="change-place">{change.pointer || "/"}</code>
          <span class="change-values">
            {change.before !== undefined && <del><span class="sr-only">was </span>{text(change.before)}</del>}
            {change.after !== undefined ? <ins><span class="sr-only">{change.before === undefined ? "added " : "is now "}</span>{text(change.after)}</ins> : <span class="faint">removed</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? "";
}
