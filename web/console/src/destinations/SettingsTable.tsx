/** What trackway.yaml says of a destination; secrets are hidden. */
import type { Detail } from "../api/destinations";
import { bytes } from "../ui/bytes";
import { DataTable } from "../ui/DataTable";
import { whole } from "../ui/format";
import { Section } from "../ui/PageHeader";
import { Prose } from "../ui/Prose";

export function SettingsTable({ detail }: { detail: Detail }) {
  const { limits } = detail;
  const facts: [string, preact.ComponentChildren][] = [
    ["Type", <><code>{detail.type}</code> {detail.summary}</>],
    ["In an event's integrations", <code>{detail.name}</code>],
    ["Sources", detail.sources ? detail.sources.join(", ") || "none" : "all"],
    ["Trigger", <code>{detail.trigger}</code>],
    ["Functions", detail.functions.join(", ") || "none"],
    ["Consent", detail.consent.join(", ") || "not asked for"],
    ["Filters", detail.filters.length ? <pre class="raw">{JSON.stringify(detail.filters, null, 2)}</pre> : "none"],
    ["Requests", `at most ${whole(limits.events)} ${limits.events === 1 ? "event" : "events"} and ${bytes(limits.bytes)} each, ${whole(limits.concurrency)} at once`],
  ];
  return (
    <>
      <Section title="Settings" note={<>of <code>destinations.{detail.key}.settings</code> in trackway.yaml</>}>
        <DataTable label="Settings" rows={detail.settings} rowKey={(row) => row.name}
          columns={[
            { key: "name", label: "Setting", cell: (row) => <code>{row.name}</code>, width: "22%" },
            { key: "value", label: "Value", cell: (row) => (row.given ? <code class="wrap-code">{shown(row.value)}</code> : <span class="faint">{row.default ? <>default: <code>{row.default}</code></> : "not set"}</span>) },
            { key: "about", label: "Meaning", hide: "narrow", cell: (row) => <span class="quiet-text"><Prose text={row.about} /></span>, width: "44%" },
          ]} />
      </Section>
      <Section title="What it gets" framed>
        <dl class="facts">{facts.map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}</dl>
      </Section>
      {Object.keys(detail.facts).length > 0 && (
        <Section title="About this kind" framed>
          <dl class="facts">{Object.entries(detail.facts).map(([label, value]) => <div key={label}><dt>{label}</dt><dd><Prose text={value} /></dd></div>)}</dl>
        </Section>
      )}
    </>
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
