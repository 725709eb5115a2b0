/** Is everything all right? What needs attention, how much comes and goes, and whether the books balance. */
import { useEffect, useState } from "preact/hooks";
import type { DestinationStatus } from "../api/destinations";
import { isRange, isYoung, REFRESH_MS, RANGES, type Health, type History, type RangeName } from "../api/health";
import { useResource } from "../api/useResource";
import { destinationName, sourceName, useWorkspace, type Workspace } from "../api/workspace";
import { errorRate, standingOf, StandingBadge } from "../destinations/standing";
import { FirstEvent } from "../live/FirstEvent";
import { bytes, percent } from "../ui/bytes";
import { Chart, type Series } from "../ui/Chart";
import { DataTable } from "../ui/DataTable";
import { rate, short, whole } from "../ui/format";
import { DestinationsIcon, EndIcon, OkayIcon, WarningIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Page, Section } from "../ui/PageHeader";
import { Prose } from "../ui/Prose";
import { useQueryParam } from "../ui/router";
import { Stat, Stats } from "../ui/Stat";
import { EmptyState, Fetched, Loading } from "../ui/states";
import { Segments } from "../ui/Tabs";
import { span } from "../ui/time";
import { Findings } from "./Findings";
import { problemsOf, type Alerts, type Ledger, type Problem } from "./problems";
import "./overview.css";

const EVERY_MS = 5000;
const NONE = "no destination yet";

export default function OverviewPage() {
  const workspace = useWorkspace();
  const [wanted, setRange] = useQueryParam("range");
  const [young, setYoung] = useState(false);
  const range: RangeName = isRange(wanted) ? wanted : young ? "15m" : "1h";
  const health = useResource<Health>("/api/health", { everyMs: EVERY_MS });
  const statuses = useResource<{ destinations: DestinationStatus[] }>("/api/destinations", { everyMs: EVERY_MS }).data?.destinations ?? [];
  const ledger = useResource<Ledger>("/api/ledger", { everyMs: 2 * EVERY_MS }).data;
  const alerts = useResource<Alerts>("/api/alerts", { everyMs: 2 * EVERY_MS }).data;
  const history = useResource<History>(`/api/history?range=${range}`, { everyMs: REFRESH_MS[range], keep: true });
  useEffect(() => { if (history.data?.range === "1h") setYoung(isYoung(history.data)); }, [history.data]);
  return (
    <Page title="Overview" note={<Verdict problems={health.data ? problemsOf({ workspace, health: health.data, statuses, ledger, alerts }) : null} />}
      actions={<Segments label="Time" value={range} options={RANGES} onChange={setRange} />}>
      <Fetched resource={health}>
        {(now) => ledger && workspace && ledger.accepted === 0 ? <FirstEvent workspace={workspace} /> : (
          <div class="overview">
            <Problems problems={problemsOf({ workspace, health: now, statuses, ledger, alerts })} />
            <Figures health={now} ledger={ledger} workspace={workspace} />
            {history.data ? <Charts history={history.data} workspace={workspace} /> : <Loading />}
            <Sources health={now} history={history.data} workspace={workspace} ledger={ledger} />
            <Destinations health={now} statuses={statuses} workspace={workspace} />
            <Findings />
          </div>
        )}
      </Fetched>
    </Page>
  );
}

function Verdict({ problems }: { problems: Problem[] | null }) {
  if (!problems) return null;
  if (!problems.length) return <span class="badge good"><OkayIcon />All is well</span>;
  const bad = problems.some((problem) => problem.tone === "bad");
  return <span class={`badge ${bad ? "bad" : "odd"}`}><WarningIcon />{problems.length === 1 ? "1 thing needs" : `${problems.length} things need`} attention</span>;
}

function Problems({ problems }: { problems: Problem[] }) {
  if (!problems.length) return null;
  return (
    <ul class="problems" aria-label="Needs attention">
      {problems.map((problem) => (
        <li key={problem.title + problem.text} class={problem.tone}>
          <WarningIcon />
          <div><b>{problem.title}</b><span><Prose text={problem.text} /></span></div>
          {problem.href && <Link class="problem-link lead" href={problem.href} aria-label={`${problem.link}: ${problem.title}`}>{problem.link}<EndIcon /></Link>}
        </li>
      ))}
    </ul>
  );
}

function Figures({ health, ledger, workspace }: { health: Health; ledger: Ledger | undefined; workspace: Workspace | null }) {
  const { sources, destinations, disk } = health;
  const perSecond = sources.reduce((all, one) => all + one.rate, 0);
  const slowest = destinations.reduce<(typeof destinations)[number] | undefined>((slow, one) => (one.lag_s > (slow?.lag_s ?? 0) ? one : slow), undefined);
  const lag = slowest?.lag_s ?? 0;
  const requests = destinations.reduce((all, one) => all + one.requests, 0);
  const errors = destinations.reduce((all, one) => all + one.errors, 0);
  const lately = `last ${span(Math.max(60, health.recent_s))}`;
  const differences = Object.keys(ledger?.differences ?? {}).length;
  return (
    <Stats>
      <Stat label="Events per second" value={rate(perSecond)} note="last minute" href="/live" />
      <Stat label="Calls accepted" value={short(ledger?.accepted ?? 0)} note={ledger && ledger.waiting > 0 ? `${whole(ledger.waiting)} not processed yet` : "all processed"} />
      <Stat label="Slowest destination" value={!destinations.length ? "–" : lag < 1 ? "0 s" : span(lag)} note={!destinations.length ? NONE : lag < 1 ? "all keep up" : `${destinationName(workspace, slowest!.destination)}, oldest event`} {...(slowest && lag >= 1 ? { href: `/destinations/${encodeURIComponent(slowest.destination)}` } : {})} tone={lag > 300 ? "bad" : lag > 30 ? "odd" : undefined} />
      <Stat label="Requests that failed" value={requests ? percent(errors / requests) : "–"} note={destinations.length ? `${short(errors)} of ${short(requests)}, ${lately}` : NONE} tone={requests && errors / requests > 0.05 ? "odd" : undefined} />
      <Stat label="Ledger" value={!ledger ? "–" : differences ? "Out" : "Balanced"} note={differences ? `${differences} differences` : "nothing is missing"} tone={differences ? "bad" : "good"} />
      <Stat label="Disk left" value={disk.days_left === null ? bytes(disk.free_bytes) : disk.days_left > 999 ? "> 999" : String(Math.floor(disk.days_left))}
        {...(disk.days_left === null ? {} : { unit: "days" })} note={`${bytes(disk.data_bytes)} used, ${bytes(disk.free_bytes)} free`} tone={disk.days_left !== null && disk.days_left < 7 ? "odd" : undefined} />
    </Stats>
  );
}

function Charts({ history, workspace }: { history: History; workspace: Workspace | null }) {
  const { times, from_s, to_s } = history;
  const range: [number, number] = [from_s, to_s];
  const of = (pick: (one: History["destinations"][number]) => (number | null)[]): Series[] =>
    history.destinations.map((one) => ({ label: destinationName(workspace, one.destination), values: pick(one) }));
  const sources = history.sources.map((one) => ({ label: sourceName(workspace, one.source), values: one.events }));
  return (
    <div class="charts">
      <Framed title="Events per second" note="by source"><Chart label="Events per second by source" times={times} series={sources} range={range} format={rate} stacked legend /></Framed>
      {history.destinations.length ? <>
        <Framed title="Delivered per second" note="by destination"><Chart label="Events delivered per second by destination" times={times} series={of((one) => one.delivered)} range={range} format={rate} legend /></Framed>
        <Framed title="Lag" note="age of the oldest event that is not delivered"><Chart label="Lag by destination" times={times} series={of((one) => one.lag_s)} range={range} format={span} durations legend /></Framed>
        <Framed title="Failed requests" note="of all, by destination"><Chart label="Share of requests that failed, by destination" times={times} series={of((one) => one.errors)} range={range} format={percent} most={1} legend /></Framed>
      </> : <NoDestination />}
    </div>
  );
}

function NoDestination() {
  return (
    <Framed title="Delivered per second" note="by destination">
      <EmptyState title="No destination yet" icon={<DestinationsIcon />}>
        Name one under <code>destinations:</code> in trackway.yaml; it gets events from then on, or all that are kept by <Link href="/replay">replay</Link>.
      </EmptyState>
    </Framed>
  );
}

function Framed({ title, note, children }: { title: string; note: string; children: preact.ComponentChildren }) {
  return <section class="frame chart-frame" aria-label={title}><header><h2>{title}</h2><span>{note}</span></header>{children}</section>;
}

function Sources({ health, history, workspace, ledger }: { health: Health; history: History | undefined; workspace: Workspace | null; ledger: (Ledger & { sources?: { source: string; events: number }[] }) | undefined }) {
  const rows = (workspace?.sources ?? []).map((source) => ({
    ...source,
    now: health.sources.find((one) => one.source === source.key),
    events: ledger?.sources?.find((one) => one.source === source.key)?.events ?? 0,
    line: history?.sources.find((one) => one.source === source.key)?.events ?? [],
  }));
  return (
    <Section title="Sources" actions={<Link class="button" href="/sources">All sources</Link>}>
      <DataTable label="Sources" rows={rows} rowKey={(row) => row.key} href={(row) => `/sources/${encodeURIComponent(row.key)}`}
        columns={[
          { key: "name", label: "Source", cell: (row) => <><i class={`status status-${!row.enabled ? "off" : (row.now?.rate ?? 0) > 0 ? "good" : "idle"}`} aria-hidden="true" />{row.name}</>, sort: (row) => row.name },
          { key: "line", label: "Traffic", hide: "narrow", cell: (row) => <Trend values={row.line} label={`Traffic of ${row.name}`} />, width: "150px" },
          { key: "rate", label: "Events/s", number: true, cell: (row) => rate(row.now?.rate ?? 0), sort: (row) => row.now?.rate ?? 0 },
          { key: "events", label: "Events", number: true, cell: (row) => short(row.events), sort: (row) => row.events },
          { key: "dropped", label: "Left out lately", number: true, hide: "narrow", cell: (row) => count(row.now?.dropped ?? 0), sort: (row) => row.now?.dropped ?? 0 },
          { key: "quarantined", label: "Quarantined lately", number: true, hide: "narrow", cell: (row) => count(row.now?.quarantined ?? 0, "bad"), sort: (row) => row.now?.quarantined ?? 0 },
        ]} />
    </Section>
  );
}

function Destinations({ health, statuses, workspace }: { health: Health; statuses: readonly DestinationStatus[]; workspace: Workspace | null }) {
  const rows = (workspace?.destinations ?? []).map((destination) => {
    const now = health.destinations.find((one) => one.destination === destination.key);
    return { ...destination, now, standing: standingOf(destination.enabled, statuses.find((one) => one.destination === destination.key), now) };
  });
  if (!rows.length) return null;
  return (
    <Section title="Destinations" actions={<Link class="button" href="/destinations">All destinations</Link>}>
      <DataTable label="Destinations" rows={rows} rowKey={(row) => row.key} href={(row) => `/destinations/${encodeURIComponent(row.key)}`} tone={(row) => (row.enabled ? undefined : "off")}
        columns={[
          { key: "name", label: "Destination", cell: (row) => <>{row.name}<span class="kind">{row.type}</span></>, sort: (row) => row.name },
          { key: "standing", label: "Status", cell: (row) => <StandingBadge standing={row.standing} />, sort: (row) => row.standing.word },
          { key: "rate", label: "Delivered/s", number: true, hide: "narrow", cell: (row) => rate(row.now?.rate ?? 0), sort: (row) => row.now?.rate ?? 0 },
          { key: "pending", label: "Pending", number: true, cell: (row) => short(row.now?.pending ?? 0), sort: (row) => row.now?.pending ?? 0 },
          { key: "lag", label: "Lag", number: true, hide: "narrow", cell: (row) => ((row.now?.lag_s ?? 0) < 1 ? "0 s" : span(row.now!.lag_s)), sort: (row) => row.now?.lag_s ?? 0 },
          { key: "errors", label: "Failed requests", number: true, hide: "medium", cell: (row) => { const share = errorRate(row.now); return share === null ? "–" : percent(share); }, sort: (row) => errorRate(row.now) ?? -1 },
          { key: "failed", label: "Failed events lately", number: true, hide: "medium", cell: (row) => count(row.now?.failed ?? 0, "bad"), sort: (row) => row.now?.failed ?? 0 },
        ]} />
    </Section>
  );
}

function count(value: number, tone = "") {
  return value ? <span class={tone && `tone-${tone}`}>{short(value)}</span> : <span class="faint">0</span>;
}

const WIDTH = 130;
const HEIGHT = 24;

/** A line of a row's own, without axes. */
export function Trend({ values, label }: { values: readonly (number | null)[]; label: string }) {
  const most = Math.max(1e-9, ...values.map((value) => value ?? 0));
  const step = WIDTH / Math.max(1, values.length - 1);
  let path = "";
  let pen = false;
  values.forEach((value, i) => {
    if (value === null) { pen = false; return; }
    path += `${pen ? "L" : "M"}${(i * step).toFixed(1)} ${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
    pen = true;
  });
  return <svg class="trend" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}><path class="sparkline-base" d={`M0 ${HEIGHT - 1}h${WIDTH}`} /><path class="trend-line" d={path} /></svg>;
}
