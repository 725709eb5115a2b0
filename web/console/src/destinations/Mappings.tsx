/** Which events make which requests, and where each field comes from. */
import { useState } from "preact/hooks";
import type { Detail, Mapping } from "../api/destinations";
import { DataTable } from "../ui/DataTable";
import { Section } from "../ui/PageHeader";
import { Prose } from "../ui/Prose";
import { EmptyState } from "../ui/states";

export function Mappings({ detail }: { detail: Detail }) {
  if (!detail.mappings.length) {
    return <div class="frame"><EmptyState title="Events go as they stand">This kind of destination has no mapping: each event's JSON is what is sent.</EmptyState></div>;
  }
  return (
    <>
      <p class="lead-text">An event goes through {detail.first_match ? "the first mapping whose trigger holds" : "every mapping whose trigger holds"}. Change them under <code>destinations.{detail.key}.settings.mappings</code>.</p>
      {detail.mappings.map((mapping) => <One key={mapping.name} mapping={mapping} />)}
    </>
  );
}

function One({ mapping }: { mapping: Mapping }) {
  const shown = mapping.fields.filter((field) => field.source || field.usual);
  return (
    <Section title={mapping.name} note={<><code>{mapping.trigger}</code><span class="faint">→</span><code>{mapping.action}</code></>}>
      <DataTable label={`Mapping ${mapping.name}`} rows={shown} rowKey={(row) => row.field} tone={(row) => (row.changed ? "odd" : undefined)}
        columns={[
          { key: "field", label: "Field", cell: (row) => <code>{row.field}</code>, width: "26%" },
          { key: "source", label: "Comes from", cell: (row) => (row.source ? <Source text={row.source} /> : <span class="faint">left out</span>) },
          { key: "kind", label: "Type", hide: "narrow", cell: (row) => <>{row.kind}{row.required && " "}{row.required && <span class="badge">needed</span>}</>, width: "150px" },
          { key: "note", label: "About", hide: "medium", cell: (row) => (row.changed ? <span class="badge odd" title={`Usually ${row.usual || "left out"}`}>changed here</span> : <span class="quiet-text"><Prose text={row.about} /></span>), width: "24%" },
        ]} />
    </Section>
  );
}

const SHORT = 90;
const FEW = 5;

/** Where a value comes from; the members of a long object stand below each other. */
function Source({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const members = text.length > SHORT ? membersOf(text) : null;
  if (!members) return <code class="wrap-code">{text}</code>;
  return (
    <div class="members">
      {members.slice(0, all ? undefined : FEW).map((member) => <code key={member} class="wrap-code">{member}</code>)}
      {!all && members.length > FEW && <button type="button" class="json-more" onClick={() => setAll(true)}>{members.length - FEW} more</button>}
    </div>
  );
}

/** Split `{a: b, c: d}` at its own commas, not at those of what is inside. */
function membersOf(text: string): string[] | null {
  if (!text.startsWith("{") || !text.endsWith("}")) return null;
  const members: string[] = [];
  let depth = 0;
  let start = 1;
  for (let i = 1; i < text.length - 1; i++) {
    const letter = text[i]!;
    if ("{[(".includes(letter)) depth++;
    else if ("}])".includes(letter)) depth--;
    // "a, else b" is one source.
    else if (letter === "," && depth === 0 && !text.startsWith(", else ", i)) { members.push(text.slice(start, i).trim()); start = i + 1; }
  }
  members.push(text.slice(start, -1).trim());
  return members;
}
