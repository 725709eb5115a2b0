/** One source: what it sends, with which clients, and how to set one up. */
import type { Client } from "../api/clients";
import { isRange, RANGES, REFRESH_MS, type Health, type History, type RangeName } from "../api/health";
import type { Overview } from "../api/overview";
import { useResource } from "../api/useResource";
import { useWorkspace, type WorkspaceSource } from "../api/workspace";
import { Chart } from "../ui/Chart";
import { CopyButton } from "../ui/CopyButton";
import { DataTable } from "../ui/DataTable";
import { rate, short, sum, whole } from "../ui/format";
import { KeyIcon, LiveIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Page, Section, useTitle } from "../ui/PageHeader";
import { useQueryParam } from "../ui/router";
import { Stat, Stats } from "../ui/Stat";
import { EmptyState, Fetched, Loading } from "../ui/states";
import { Segments, TabPanel, Tabs } from "../ui/Tabs";
import { When } from "../ui/When";
import { FirstEventCheck } from "./FirstEventCheck";
import { Snippets } from "./Snippets";

const EVERY_MS = 4000;

export function SourcePage({ of: key }: { of: string }) {
  const workspace = useWorkspace();
  const overview = useResource<Overview>("/api/overview", { everyMs: EVERY_MS });
  const counts = overview.data?.sources.find((one) => one.source === key);
  const source = workspace?.sources.find((one) => one.key === key);
  const isNew = overview.data !== undefined && !counts;
  const [tab, setTab] = useQueryParam("tab", isNew ? "setup" : "traffic");
  useTitle(source?.name ?? key);
  if (workspace && !source) {
    return <Page title={key} back={{ href: "/sources", label: "Sources" }}><EmptyState title={`There is no source ${key}`}>It may have been taken out of trackway.yaml, or have another key now.</EmptyState></Page>;
  }
  if (!workspace || !source || !overview.data) return <Loading />;
  return (
    <Page title={source.name} back={{ href: "/sources", label: "Sources" }} note={<><span class="kind">{key}</span>{!source.enabled && <span class="badge">Switched off</span>}</>}
      actions={<Link class="button" href={`/live?source=${encodeURIComponent(key)}`}><LiveIcon />Watch live</Link>}
      tabs={<Tabs label="Source" value={tab} onChange={setTab} tabs={[{ value: "traffic", label: "Traffic" }, { value: "clients", label: "Clients" }, { value: "setup", label: "Set up" }]} />}>
      <TabPanel of="traffic" value={tab}><Traffic of={key} counts={counts} /></TabPanel>
      <TabPanel of="clients" value={tab}><Clients of={key} /></TabPanel>
      <TabPanel of="setup" value={tab}>
        <FirstEventCheck source={key} />
        <Keys source={source} />
        <Snippets host={workspace.ingest_url} writeKey={source.write_keys[0] ?? "WRITE_KEY"} />
      </TabPanel>
    </Page>
  );
}

function Traffic({ of: key, counts }: { of: string; counts: Overview["sources"][number] | undefined }) {
  const [wanted, setRange] = useQueryParam("range", "1h");
  const range: RangeName = isRange(wanted) ? wanted : "1h";
  const health = useResource<Health>("/api/health", { everyMs: EVERY_MS }).data?.sources.find((one) => one.source === key);
  const { data } = useResource<History>(`/api/history?range=${range}`, { everyMs: REFRESH_MS[range], keep: true });
  const own = data?.sources.find((one) => one.source === key);
  return (
    <>
      <Stats>
        <Stat label="Events per second" value={rate(health?.rate ?? 0)} note="last minute" />
        <Stat label="Events" value={short(counts?.events ?? 0)} note="since the log began" />
        <Stat label="Left out" value={short(sum(counts?.dropped ?? {}))} note="by design, such as duplicates" />
        <Stat label="Quarantined" value={short(sum(counts?.quarantine ?? {}))} note="kept, with the reason" tone={sum(counts?.quarantine ?? {}) ? "bad" : undefined} href={`/quarantine?source=${encodeURIComponent(key)}`} />
      </Stats>
      <Section title="Over time" actions={<Segments label="Time" value={range} options={RANGES} onChange={setRange} />}>
        <div class="frame chart-frame">
          {!data ? <Loading /> : !own ? <EmptyState title="Nothing came in this time">Choose a longer one, or send an event.</EmptyState> : (
            <Chart label="Calls per second" times={data.times} range={[data.from_s, data.to_s]} format={rate} height={220} legend
              series={[{ label: "Events", values: own.events, colour: "--series-1" }, { label: "Left out", values: own.dropped, colour: "--series-8" }, { label: "Quarantined", values: own.quarantined, colour: "--bad" }]} />
          )}
        </div>
      </Section>
      <Reasons title="Quarantined, by reason" counts={counts?.quarantine ?? {}} />
      <Reasons title="Left out, by reason" counts={counts?.dropped ?? {}} />
    </>
  );
}

function Reasons({ title, counts }: { title: string; counts: Record<string, number> }) {
  const rows = Object.entries(counts);
  if (!rows.length) return null;
  return (
    <Section title={title}>
      <DataTable label={title} rows={rows} rowKey={([reason]) => reason} sort="-count"
        columns={[
          { key: "reason", label: "Reason", cell: ([reason]) => <code class="code-chip">{reason}</code>, sort: ([reason]) => reason },
          { key: "count", label: "Calls", number: true, cell: ([, number]) => whole(number), sort: ([, number]) => number },
        ]} />
    </Section>
  );
}

function Clients({ of: key }: { of: string }) {
  const clients = useResource<{ clients: Client[] }>(`/api/clients?source=${encodeURIComponent(key)}`, { everyMs: EVERY_MS });
  return (
    <Fetched resource={clients}>
      {({ clients: rows }) => (
        <DataTable label="Clients" rows={rows} rowKey={(row) => JSON.stringify([row.library, row.version])} sort="-count"
          empty={<div class="frame"><EmptyState title="No client seen yet">Libraries name themselves in <code>context.library</code> of each call.</EmptyState></div>}
          columns={[
            { key: "library", label: "Library", cell: (row) => row.library || <span class="faint">not named</span>, sort: (row) => row.library },
            { key: "version", label: "Version", cell: (row) => <code>{row.version || "–"}</code>, sort: (row) => row.version },
            { key: "count", label: "Events", number: true, cell: (row) => short(row.count), sort: (row) => row.count },
            { key: "first", label: "First seen", number: true, hide: "narrow", cell: (row) => <When at={row.first_ms} />, sort: (row) => row.first_ms },
            { key: "last", label: "Last seen", number: true, cell: (row) => <When at={row.last_ms} />, sort: (row) => row.last_ms },
          ]} />
      )}
    </Fetched>
  );
}

function Keys({ source }: { source: WorkspaceSource }) {
  return (
    <Section title="Write keys" note="can only write, so they may stand in public code" framed>
      <ul class="keys">
        {source.write_keys.map((key) => <li key={key}><KeyIcon /><code>{key}</code><CopyButton text={key} label="Copy the key" quiet /></li>)}
      </ul>
    </Section>
  );
}
