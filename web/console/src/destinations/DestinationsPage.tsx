/** All destinations, and one of them: `/destinations` and `/destinations/:key`. */
import type { DestinationStatus } from "../api/destinations";
import type { Health } from "../api/health";
import type { Overview } from "../api/overview";
import { useResource } from "../api/useResource";
import { useWorkspace } from "../api/workspace";
import type { PageProps } from "../routes";
import { percent } from "../ui/bytes";
import { DataTable } from "../ui/DataTable";
import { rate, short, sum } from "../ui/format";
import { DestinationsIcon } from "../ui/icons";
import { Page } from "../ui/PageHeader";
import { CodeBlock } from "../ui/CodeBlock";
import { EmptyState, Fetched } from "../ui/states";
import { span } from "../ui/time";
import { DestinationPage } from "./DestinationPage";
import { errorRate, standingOf, StandingBadge } from "./standing";
import "./destinations.css";

const EVERY_MS = 4000;

export default function DestinationsPage({ params }: PageProps) {
  return params["key"] ? <DestinationPage key={params["key"]} of={params["key"]} /> : <AllDestinations />;
}

function AllDestinations() {
  const workspace = useWorkspace();
  const health = useResource<Health>("/api/health", { everyMs: EVERY_MS });
  const overview = useResource<Overview>("/api/overview", { everyMs: EVERY_MS }).data;
  const statuses = useResource<{ destinations: DestinationStatus[] }>("/api/destinations", { everyMs: EVERY_MS }).data?.destinations ?? [];
  const rows = (workspace?.destinations ?? []).map((destination) => {
    const now = health.data?.destinations.find((one) => one.destination === destination.key);
    const counts = overview?.destinations.find((one) => one.destination === destination.key);
    const status = statuses.find((one) => one.destination === destination.key);
    return { ...destination, now, counts, p95_s: status?.p95_s, standing: standingOf(destination.enabled, status, now) };
  });
  return (
    <Page title="Destinations" note="Where events go to">
      <Fetched resource={health}>
        {() => workspace && !rows.length ? <NoDestination /> : (
          <DataTable label="Destinations" rows={rows} rowKey={(row) => row.key} href={(row) => `/destinations/${encodeURIComponent(row.key)}`} tone={(row) => (row.enabled ? undefined : "off")}
            columns={[
              { key: "name", label: "Destination", cell: (row) => <>{row.name}<span class="kind">{row.type}</span></>, sort: (row) => row.name },
              { key: "standing", label: "Status", cell: (row) => <StandingBadge standing={row.standing} />, sort: (row) => row.standing.word },
              { key: "delivered", label: "Delivered", number: true, cell: (row) => short(row.counts?.delivered ?? 0), sort: (row) => row.counts?.delivered ?? 0 },
              { key: "rate", label: "Per second", number: true, hide: "narrow", cell: (row) => rate(row.now?.rate ?? 0), sort: (row) => row.now?.rate ?? 0 },
              { key: "pending", label: "Pending", number: true, hide: "narrow", cell: (row) => short(row.counts?.pending ?? 0), sort: (row) => row.counts?.pending ?? 0 },
              { key: "lag", label: "Lag", number: true, hide: "medium", cell: (row) => ((row.now?.lag_s ?? 0) < 1 ? "0 s" : span(row.now!.lag_s)), sort: (row) => row.now?.lag_s ?? 0 },
              { key: "errors", label: "Failed requests", number: true, hide: "medium", cell: (row) => { const share = errorRate(row.now); return share === null ? "–" : percent(share); }, sort: (row) => errorRate(row.now) ?? -1 },
              { key: "p95", label: "p95", head: <abbr title="95 of 100 requests were answered within">p95</abbr>, number: true, hide: "medium", cell: (row) => (row.p95_s == null ? "–" : span(row.p95_s)), sort: (row) => row.p95_s ?? -1 },
              { key: "failed", label: "Dead letters", number: true, hide: "narrow", cell: (row) => { const failed = sum(row.counts?.failed ?? {}); return failed ? <span class="tone-bad">{short(failed)}</span> : <span class="faint">0</span>; }, sort: (row) => sum(row.counts?.failed ?? {}) },
            ]} />
        )}
      </Fetched>
    </Page>
  );
}

const EXAMPLE = `destinations:
  crm:
    type: webhook
    settings:
      url: https://example.com/hooks/trackway
      shared_secret: {env: WEBHOOK_SECRET}
`;

function NoDestination() {
  return (
    <>
      <EmptyState title="No destination yet" icon={<DestinationsIcon />}>Name one in trackway.yaml; it is taken over while Trackway runs. <code>trackway destinations list</code> shows the kinds there are.</EmptyState>
      <CodeBlock label="trackway.yaml" code={EXAMPLE} />
    </>
  );
}
