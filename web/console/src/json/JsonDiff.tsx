/**
 * What a step changed in an event, line by line; what stayed is folded away until it is asked for.
 *
 *     <JsonDiff before={call} after={event} label="What identity changed" />
 */
import { useMemo, useState } from "preact/hooks";
import { diffLines } from "./diff";

const SIGNS = { same: " ", added: "+", removed: "−", skipped: " " } as const;
const WORDS = { same: "", added: "Added: ", removed: "Removed: ", skipped: "" } as const;

export function JsonDiff({ before, after, label }: { before: unknown; after: unknown; label: string }) {
  const [all, setAll] = useState(false);
  const lines = useMemo(() => diffLines(before, after, { all }), [before, after, all]);
  if (!lines.length) return <p class="none">Nothing changed.</p>;
  return (
    <div class="diff" role="group" aria-label={label} tabIndex={0}>
      {lines.map((line, i) => line.kind === "skipped" ? (
        <button key={i} type="button" class="diff-fold" onClick={() => setAll(true)}>{line.text} unchanged {line.text === "1" ? "line" : "lines"}</button>
      ) : (
        <div key={i} class={`diff-line diff-${line.kind}`}>
          <span class="diff-sign" aria-hidden="true">{SIGNS[line.kind]}</span>
          <span class="diff-text" style={{ paddingLeft: `${line.depth * 14}px` }}><span class="sr-only">{WORDS[line.kind]}</span>{line.text}</span>
        </div>
      ))}
      {all && <button type="button" class="diff-fold" onClick={() => setAll(false)}>Only what changed</button>}
    </div>
  );
}
