/** Which events each source sends and what is in them, held against the tracking plan. */
import { useMemo } from "preact/hooks";
import { withQuery } from "../api/client";
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import { Breakdown } from "../breakdown/Breakdown";
import { TypeChip } from "../live/labels";
import { DataTable } from "../ui/DataTable";
import { short, whole } from "../ui/format";
import { CatalogueIcon, CheckIcon, DownloadIcon, FlagIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Page } from "../ui/PageHeader";
import { useQueryParam } from "../ui/router";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { Stat, Stats } from "../ui/Stat";
import { TabPanel, Tabs } from "../ui/Tabs";
import { When } from "../ui/When";
import { isPlanned, keyOf, pageOf, type Catalogue, type Coverage, type EventEntry, type Finding, type Naming, type Violation, type Volumes } from "./api";
import { Bars } from "./Bars";
import "./catalogue.css";
import { EventPage } from "./EventPage";
import { PersonalData } from "./PersonalData";
import { PlanView } from "./PlanView";
import { Violations } from "./Violations";

const HOURS = 168;

export default function CataloguePage({ params }: { params: Record<string, string> }) {
  return params["source"] !== undefined ? <EventPage source={params["source"]} type={params["type"]!} name={params["name"] ?? ""} /> : <All />;
}

function All() {
  const workspace = useWorkspace();
  const [tab, setTab] = useQueryParam("tab", "events");
  const [source, setSource] = useQueryParam("source");
  const [text, setText] = useQueryParam("q");
  const catalogue = useResource<Catalogue>(withQuery("/api/catalogue", { source }), { everyMs: 5000, keep: true });
  const volumes = useResource<Volumes>(withQuery("/api/catalogue/volumes", { hours: HOURS }), { everyMs: 15_000 });
  const coverage = useResource<{ coverage: Coverage[] }>("/api/plan/coverage", { everyMs: 5000 });
  const violations = useResource<{ violations: Violation[]; since_day: number }>(withQuery("/api/plan/violations", { source }), { everyMs: 5000, keep: true });
  const naming = useResource<{ naming: Naming[] }>("/api/catalogue/naming", { everyMs: 15_000 });
  const covered = coverage.data?.coverage.filter((one) => !source || one.source === source) ?? [];
  const names = naming.data?.naming.filter((one) => !source || one.source === source) ?? [];
  const sources = workspace?.sources ?? [];
  return (
    <Page title="Catalogue & plan" note="What sources send, and what they were to send"
      actions={
        <>
          {sources.length > 1 && (
            <select class="choice" aria-label="Source" value={source} onChange={(event) => setSource(event.currentTarget.value)}>
              <option value="">All sources</option>
              {sources.map((one) => <option key={one.key} value={one.key}>{one.name}</option>)}
            </select>
          )}
          <a class="button" href={withQuery("/api/catalogue/schema.csv", { source })} download="trackway-schema.csv"><DownloadIcon />Schema as CSV</a>
        </>
      }
      tabs={<Tabs label="Catalogue" value={tab} onChange={setTab} tabs={[
        { value: "events", label: "Events", ...(catalogue.data ? { count: catalogue.data.events.length } : {}) },
        { value: "plan", label: "Plan" },
        { value: "violations", label: "Violations", ...(violations.data ? { count: short(violations.data.violations.reduce((all, one) => all + one.count, 0)) } : {}) },
        { value: "releases", label: "Releases" },
        { value: "naming", label: "Names", ...(names.length ? { count: names.length } : {}) },
        { value: "personal", label: "Personal data" },
        { value: "news", label: "News" },
      ]} />}>
      <TabPanel of="events" value={tab}>
        <Fetched resource={catalogue}>{(found) => <Events found={found} volumes={volumes.data} coverage={coverage.data?.coverage ?? []} naming={names} text={text} onText={setText} />}</Fetched>
      </TabPanel>
      <TabPanel of="releases" value={tab}><Breakdown source={source} /></TabPanel>
      <TabPanel of="plan" value={tab}><Fetched resource={coverage}>{() => <PlanView coverage={covered} events={catalogue.data?.events ?? []} />}</Fetched></TabPanel>
      <TabPanel of="violations" value={tab}><Fetched resource={violations}>{(found) => <Violations found={found.violations} since={found.since_day} source={source} plans={covered.some((one) => one.plan)} />}</Fetched></TabPanel>
      <TabPanel of="naming" value={tab}><Fetched resource={naming}>{() => <Names naming={names} />}</Fetched></TabPanel>
      <TabPanel of="personal" value={tab}><PersonalData source={source} /></TabPanel>
      <TabPanel of="news" value={tab}><News source={source} /></TabPanel>
    </Page>
  );
}

interface EventsProps {
  found: Catalogue;
  volumes: Volumes | undefined;
  coverage: readonly Coverage[];
  naming: readonly Naming[];
  text: string;
  onText: (text: string) => void;
}

function Events({ found, volumes, coverage, naming, text, onText }: EventsProps) {
  const workspace = useWorkspace();
  const byKey = useMemo(() => new Map(volumes?.volumes.map((one) => [keyOf(one), one.hours])), [volumes]);
  const odd = useMemo(() => new Map(naming.map((one) => [JSON.stringify([one.source, "track", one.name]), one.message])), [naming]);
  const wanted = text.toLowerCase();
  const rows = found.events.filter((one) => !wanted || `${one.name} ${one.type}`.toLowerCase().includes(wanted) || one.paths.some((path) => path.path.toLowerCase().includes(wanted)));
  if (!found.events.length && !found.blocked.length) {
    return <EmptyState title="No event has come yet" icon={<CatalogueIcon />} action={<Link class="button" href="/playground">Send one from the playground</Link>}>Every event and property that sources send is listed here, with its types and how often it comes.</EmptyState>;
  }
  const planned = (one: EventEntry) => isPlanned(coverage, one);
  return (
    <>
      <label class="field catalogue-find"><span class="sr-only">Find an event or a property</span><input type="search" placeholder="Find an event or a property" value={text} onInput={(event) => onText(event.currentTarget.value)} /></label>
      <DataTable label="Events" rows={rows} rowKey={keyOf} href={pageOf} sort="-count"
        empty={<div class="frame"><EmptyState title="No event or property has this in its name">Look for less of it.</EmptyState></div>}
        columns={[
          { key: "name", label: "Event", sort: (one) => one.name || one.type, cell: (one) => (
            <span class="catalogue-name"><TypeChip type={one.type} /><span>{one.name || <i class="faint">no name</i>}</span>{odd.has(keyOf(one)) && <span class="catalogue-flag" title={odd.get(keyOf(one))}><FlagIcon /><span class="sr-only">{odd.get(keyOf(one))}</span></span>}</span>
          ) },
          { key: "count", label: "Events", number: true, sort: (one) => one.count, cell: (one) => whole(one.count) },
          { key: "volume", label: "7 days", hide: "narrow", width: "128px", cell: (one) => <Bars hours={byKey.get(keyOf(one)) ?? []} label={`${one.name || one.type} an hour in seven days`} /> },
          { key: "paths", label: "Properties", number: true, hide: "narrow", sort: (one) => one.paths.length, cell: (one) => whole(one.paths.length) },
          { key: "plan", label: "Plan", sort: (one) => String(planned(one)), cell: (one) => planned(one) === null ? <span class="faint">–</span> : planned(one) ? <span class="badge good">planned</span> : <span class="badge odd">unplanned</span> },
          { key: "source", label: "Source", hide: "medium", sort: (one) => one.source, cell: (one) => sourceName(workspace, one.source) },
          { key: "last", label: "Last seen", hide: "medium", sort: (one) => one.last_ms, cell: (one) => <When at={one.last_ms} /> },
        ]} />
      {found.blocked.map((one) => <p key={keyOf(one)} class="faint catalogue-note"><b>{one.name || one.type}</b> ({one.type} of {sourceName(workspace, one.source)}) is blocked by the source's settings: {whole(one.count)} left out, the last <When at={one.last_ms} />.</p>)}
      {found.beyond.map((one) => <p key={one.source + one.type} class="faint catalogue-note">{whole(one.count)} more {one.type} events of {sourceName(workspace, one.source)} have names beyond those listed: there are too many. A name that holds a value is one for each value.</p>)}
    </>
  );
}

function Names({ naming }: { naming: readonly Naming[] }) {
  const workspace = useWorkspace();
  if (!naming.length) return <EmptyState title="All names read well" icon={<CheckIcon />}>Object and past-tense action, in proper case: Order Completed.</EmptyState>;
  return (
    <DataTable label="Names that could be better" rows={naming} rowKey={(one) => JSON.stringify(one)} href={(one) => pageOf({ ...one, type: "track" })}
      columns={[
        { key: "name", label: "Name", sort: (one) => one.name, cell: (one) => one.name },
        { key: "message", label: "What could be better", cell: (one) => one.message },
        { key: "better", label: "Better", sort: (one) => one.suggestion ?? "", cell: (one) => one.suggestion && <b>{one.suggestion}</b> },
        { key: "source", label: "Source", hide: "narrow", sort: (one) => one.source, cell: (one) => sourceName(workspace, one.source) },
      ]} />
  );
}

const WORDS: Record<string, string> = { new_event: "new event", new_property: "new property", type_changed: "another type", too_many_names: "too many names", too_many_properties: "too many properties", personal_data: "personal data" };

function News({ source }: { source: string }) {
  const findings = useResource<{ findings: Finding[] }>(withQuery("/api/catalogue/findings", { source, limit: 500 }), { everyMs: 5000, keep: true });
  const workspace = useWorkspace();
  return (
    <Fetched resource={findings}>
      {({ findings: found }) => {
        const rows = found.filter((one) => !one.code.startsWith("name_")).reverse();
        if (!rows.length) return <EmptyState title="Nothing new" icon={<CheckIcon />}>New events, new properties and properties that come with another type are told here.</EmptyState>;
        const changed = rows.filter((one) => one.code === "type_changed").length;
        return (
          <>
            <Stats>
              <Stat label="New events" value={whole(rows.filter((one) => one.code === "new_event").length)} />
              <Stat label="New properties" value={whole(rows.filter((one) => one.code === "new_property").length)} />
              <Stat label="Another type than before" value={whole(changed)} tone={changed ? "odd" : undefined} />
            </Stats>
            {changed > 0 && <Notice tone="odd" title="Properties changed their type">The warehouse puts such values into a column of their own.</Notice>}
            <div class="catalogue-gap" />
            <DataTable label="What is new" rows={rows} rowKey={(one) => JSON.stringify([one.source, one.type, one.name, one.path, one.code, one.place])} href={(one) => `/events/events/${one.place[0]}/${one.place[1]}`}
              columns={[
                { key: "what", label: "What", sort: (one) => one.code, cell: (one) => <span class={`badge ${one.code === "type_changed" ? "odd" : ""}`}>{WORDS[one.code] ?? one.code}</span> },
                { key: "event", label: "Event", sort: (one) => one.name, cell: (one) => <span class="catalogue-name"><TypeChip type={one.type} /><span>{one.name}</span></span> },
                { key: "path", label: "Property", cell: (one) => <code>{one.path}</code> },
                { key: "detail", label: "More", hide: "narrow", cell: (one) => <span class="quiet-text">{one.detail}</span> },
                { key: "source", label: "Source", hide: "medium", cell: (one) => sourceName(workspace, one.source) },
                { key: "at", label: "First", hide: "narrow", sort: (one) => one.at_ms, cell: (one) => <When at={one.at_ms} /> },
              ]} />
          </>
        );
      }}
    </Fetched>
  );
}
