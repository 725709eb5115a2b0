/** Where events come from: all sources, and one of them. `/sources` and `/sources/:key`. */
import type { Client } from "../api/clients";
import type { Health } from "../api/health";
import type { Overview } from "../api/overview";
import { useResource } from "../api/useResource";
import { useWorkspace } from "../api/workspace";
import type { PageProps } from "../routes";
import { CodeBlock } from "../ui/CodeBlock";
import { DataTable } from "../ui/DataTable";
import { rate, short, sum } from "../ui/format";
import { Page } from "../ui/PageHeader";
import { Fetched } from "../ui/states";
import { When } from "../ui/When";
import { SourcePage } from "./SourcePage";
import "./sources.css";

const EVERY_MS = 4000;

export default function SourcesPage({ params }: PageProps) {
  return params["key"] ? <SourcePage key={params["key"]} of={params["key"]} /> : <AllSources />;
}

function AllSources() {
  const workspace = useWorkspace();
  const health = useResource<Health>("/api/health", { everyMs: EVERY_MS });
  const overview = useResource<Overview>("/api/overview", { everyMs: EVERY_MS }).data;
  const clients = useResource<{ clients: Client[] }>("/api/clients", { everyMs: EVERY_MS }).data?.clients ?? [];
  const rows = (workspace?.sources ?? []).map((source) => {
    const own = clients.filter((client) => client.source === source.key);
    return {
      ...source,
      now: health.data?.sources.find((one) => one.source === source.key),
      counts: overview?.sources.find((one) => one.source === source.key),
      libraries: [...new Set(own.map((client) => client.library).filter(Boolean))],
      last: Math.max(0, ...own.map((client) => client.last_ms)),
    };
  });
  return (
    <Page title="Sources" note="Where events come from">
      <Fetched resource={health}>
        {() => (
          <DataTable label="Sources" rows={rows} rowKey={(row) => row.key} href={(row) => `/sources/${encodeURIComponent(row.key)}`} tone={(row) => (row.enabled ? undefined : "off")}
            columns={[
              { key: "name", label: "Source", cell: (row) => <><i class={`status status-${!row.enabled ? "off" : (row.now?.rate ?? 0) > 0 ? "good" : "idle"}`} aria-hidden="true" />{row.name}<span class="kind">{row.key}</span></>, sort: (row) => row.name },
              { key: "clients", label: "Clients", hide: "medium", cell: (row) => <span class="clip quiet-text">{row.libraries.join(", ") || "–"}</span> },
              { key: "rate", label: "Events/s", number: true, hide: "narrow", cell: (row) => rate(row.now?.rate ?? 0), sort: (row) => row.now?.rate ?? 0 },
              { key: "events", label: "Events", number: true, cell: (row) => short(row.counts?.events ?? 0), sort: (row) => row.counts?.events ?? 0 },
              { key: "dropped", label: "Left out", number: true, hide: "narrow", cell: (row) => number(sum(row.counts?.dropped ?? {})), sort: (row) => sum(row.counts?.dropped ?? {}) },
              { key: "quarantined", label: "Quarantined", number: true, hide: "narrow", cell: (row) => number(sum(row.counts?.quarantine ?? {}), "bad"), sort: (row) => sum(row.counts?.quarantine ?? {}) },
              { key: "last", label: "Last event", number: true, cell: (row) => (row.last ? <When at={row.last} /> : <span class="badge">waiting</span>), sort: (row) => row.last },
            ]} />
        )}
      </Fetched>
      <details class="add-source">
        <summary>Add a source</summary>
        <p>Write it into trackway.yaml; it is taken over while Trackway runs. A write key is any text that nobody guesses; it can only write, so it may be public.</p>
        <CodeBlock label="trackway.yaml" code={"sources:\n  app:\n    name: Mobile app\n    write_keys: [choose-a-long-random-text]\n"} />
      </details>
    </Page>
  );
}

function number(value: number, tone = "") {
  return value ? <span class={tone && `tone-${tone}`}>{short(value)}</span> : <span class="faint">0</span>;
}
