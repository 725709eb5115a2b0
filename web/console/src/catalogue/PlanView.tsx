/** The tracking plans: how much of what came is planned, what is planned and never came, and the other way round. */
import { useState } from "preact/hooks";
import { sourceName, useWorkspace } from "../api/workspace";
import { DataTable } from "../ui/DataTable";
import { share, whole } from "../ui/format";
import { Section } from "../ui/PageHeader";
import { EmptyState, Notice } from "../ui/states";
import { Stat, Stats } from "../ui/Stat";
import { When } from "../ui/When";
import { AddToPlan } from "./AddToPlan";
import { isPlanned, keyOf, pageOf, type Coverage, type EventEntry } from "./api";

export function PlanView({ coverage, events }: { coverage: readonly Coverage[]; events: readonly EventEntry[] }) {
  const [adding, setAdding] = useState<EventEntry | null>(null);
  return (
    <>
      {coverage.map((one) => <OnePlan key={one.source} coverage={one} events={events.filter((event) => event.source === one.source)} onAdd={setAdding} />)}
      {adding && <AddToPlan source={adding.source} type={adding.type} name={adding.type === "track" ? adding.name : ""} onClose={() => setAdding(null)} />}
    </>
  );
}

function OnePlan({ coverage, events, onAdd }: { coverage: Coverage; events: readonly EventEntry[]; onAdd: (event: EventEntry) => void }) {
  const workspace = useWorkspace();
  const title = sourceName(workspace, coverage.source);
  if (coverage.mistake) return <Section title={title}><Notice tone="bad" title="The plans cannot be read">{coverage.mistake}</Notice></Section>;
  if (!coverage.plan) {
    return (
      <Section title={title} note="follows no plan">
        <div class="frame"><EmptyState title="No tracking plan yet">Put one into the folder <code>plans/</code> of the workspace. <code>trackway plan infer</code> writes the plan that recorded events follow; below, and at each event, is the rule for one.</EmptyState></div>
        <Unplanned events={events.slice(0, 20)} onAdd={onAdd} />
      </Section>
    );
  }
  const never = coverage.rules.filter((rule) => !rule.seen && rule.type !== "common");
  const unplanned = events.filter((event) => isPlanned([coverage], event) === false).sort((a, b) => b.count - a.count);
  return (
    <Section title={title} note={<>follows “{coverage.plan}”, <code>{coverage.file}</code></>}>
      <Stats>
        <Stat label="Of events planned" value={share(coverage.planned_events, coverage.events)} note={`${whole(coverage.planned_events)} of ${whole(coverage.events)}`} />
        <Stat label="Of names planned" value={share(coverage.planned_names, coverage.names)} note={`${whole(coverage.planned_names)} of ${whole(coverage.names)}`} />
        <Stat label="Rules" value={whole(coverage.rules.length)} />
        <Stat label="Planned, never seen" value={whole(never.length)} tone={never.length ? "odd" : undefined} />
        <Stat label="Seen, not planned" value={whole(unplanned.length)} tone={unplanned.length ? "odd" : undefined} />
      </Stats>
      <div class="catalogue-gap" />
      <DataTable label={`Rules for ${title}`} rows={coverage.rules} rowKey={(rule) => JSON.stringify([rule.type, rule.name, rule.version])} sort="-seen"
        href={(rule) => (rule.seen ? pageOf({ source: coverage.source, type: rule.type, name: rule.name }) : undefined)} tone={(rule) => (rule.seen || rule.type === "common" ? undefined : "off")}
        columns={[
          { key: "name", label: "Rule", sort: (rule) => rule.name || rule.type, cell: (rule) => <>{rule.name || <i>{rule.type}</i>}{rule.version > 1 && <span class="badge">version {rule.version}</span>}</> },
          { key: "seen", label: "Events", number: true, sort: (rule) => rule.seen, cell: (rule) => (rule.seen ? whole(rule.seen) : "never") },
          { key: "rows", label: "Properties", number: true, hide: "narrow", cell: (rule) => whole(rule.rows.length) },
          { key: "about", label: "Description", hide: "narrow", cell: (rule) => <span class="quiet-text">{rule.description}</span> },
          { key: "last", label: "Last seen", hide: "medium", cell: (rule) => <When at={rule.last_ms} /> },
        ]} />
      {unplanned.length > 0 && <><h3 class="catalogue-sub">Seen, not planned</h3><Unplanned events={unplanned} onAdd={onAdd} /></>}
    </Section>
  );
}

function Unplanned({ events, onAdd }: { events: readonly EventEntry[]; onAdd: (event: EventEntry) => void }) {
  if (!events.length) return null;
  return (
    <DataTable label="Events that are not planned" rows={events} rowKey={keyOf} href={pageOf}
      columns={[
        { key: "name", label: "Event", cell: (event) => event.name || <i>{event.type}</i> },
        { key: "count", label: "Events", number: true, sort: (event) => event.count, cell: (event) => whole(event.count) },
        { key: "last", label: "Last seen", hide: "narrow", cell: (event) => <When at={event.last_ms} /> },
        { key: "do", label: "", number: true, head: <span class="sr-only">Actions</span>, cell: (event) => event.type !== "alias" && <button type="button" class="button" onClick={() => onAdd(event)}>Add to the plan …</button> },
      ]} />
  );
}
