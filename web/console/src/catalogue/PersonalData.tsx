/** The inventory of personal data: which fields hold some, how one can tell, and what is done about it. */
import { withQuery } from "../api/client";
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import { DataTable } from "../ui/DataTable";
import { short, whole } from "../ui/format";
import { CheckIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { Stat, Stats } from "../ui/Stat";
import { pageOf, type PersonalField } from "./api";

const TONES = { red: "bad", yellow: "odd", green: "good" } as const;
const SHOWN = 3;

export function PersonalData({ source }: { source: string }) {
  const found = useResource<{ fields: PersonalField[] }>(withQuery("/api/catalogue/personal", { source }), { everyMs: 10_000, keep: true });
  return <Fetched resource={found}>{({ fields }) => <Inventory fields={fields} />}</Fetched>;
}

function Inventory({ fields }: { fields: readonly PersonalField[] }) {
  if (!fields.length) return <EmptyState title="No personal data is known" icon={<CheckIcon />}>Properties and traits whose names or values look like personal data are listed here.</EmptyState>;
  const red = fields.filter((one) => one.level === "red");
  const bare = red.filter((one) => !one.rules.length);
  return (
    <>
      <Stats>
        <Stat label="Highly restricted" value={whole(red.length)} note="red" tone={red.length ? "bad" : undefined} />
        <Stat label="Moderately restricted" value={whole(fields.length - red.length)} note="yellow" />
        <Stat label="Under a privacy rule" value={whole(fields.filter((one) => one.rules.length).length)} note="hashed, masked or dropped" />
      </Stats>
      {bare.length > 0 && <Notice tone="odd" title={`${whole(bare.length)} highly restricted ${bare.length === 1 ? "field has" : "fields have"} no privacy rule`}>A rule under <code>privacy.rules</code> in trackway.yaml drops, hashes or masks values before anybody sees them; <code>privacy.fields</code> corrects what is guessed here.</Notice>}
      <div class="catalogue-gap" />
      <DataTable label="Personal data" rows={fields} rowKey={(one) => JSON.stringify([one.path, one.events])}
        columns={[
          { key: "level", label: "Level", width: "92px", sort: (one) => (one.level === "red" ? 0 : 1), cell: (one) => <span class={`badge ${TONES[one.level]}`}>{one.level}</span> },
          { key: "path", label: "Field", sort: (one) => one.path, cell: (one) => <code class="catalogue-path">{one.path}</code> },
          { key: "kind", label: "Holds", sort: (one) => one.kind, cell: (one) => <>{one.kind} <span class="faint">{toldBy(one)}</span></> },
          { key: "rules", label: "Rules", hide: "narrow", sort: (one) => one.rules.join(), cell: (one) => one.rules.length ? one.rules.map((rule) => <span key={rule} class="badge good">{rule}</span>) : <span class="faint">none</span> },
          { key: "values", label: "Values", number: true, hide: "narrow", sort: (one) => one.values, cell: (one) => short(one.values) },
          { key: "in", label: "In", hide: "medium", cell: (one) => <Events of={one} /> },
        ]} />
    </>
  );
}

function toldBy(one: PersonalField): string {
  if (one.told_by === "settings") return one.kind ? "" : "as you said";
  return one.told_by === "key" ? "" : `in ${whole(one.looks[one.kind] ?? 0)} of its values`;
}

function Events({ of: { events } }: { of: PersonalField }) {
  const workspace = useWorkspace();
  return (
    <span class="catalogue-in">
      {events.slice(0, SHOWN).map((one) => <Link key={JSON.stringify(one)} href={pageOf({ source: one[0], type: one[1], name: one[2] })} title={`of ${sourceName(workspace, one[0])}`}>{one[2] || one[1]}</Link>)}
      {events.length > SHOWN && <span class="faint" title={events.slice(SHOWN).map((one) => one[2] || one[1]).join(", ")}>and {whole(events.length - SHOWN)} more</span>}
    </span>
  );
}
