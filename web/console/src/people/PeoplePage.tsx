/** The identity ledger: of one person the ids, how each became known, and the events, and links can be undone; of a group who belongs to it. */
import { useState } from "preact/hooks";
import { get, messageOf, post, withQuery } from "../api/client";
import { pathOf, type Entry, type Page as EventPage } from "../api/records";
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import { Name, OutcomeMark, TypeChip } from "../live/labels";
import { confirm } from "../ui/Dialog";
import { DataTable } from "../ui/DataTable";
import { moment, sum, whole } from "../ui/format";
import { CheckIcon, PeopleIcon, RefusedIcon, SearchIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Page, Section, useTitle } from "../ui/PageHeader";
import { useQueryParam } from "../ui/router";
import { EmptyState, Fetched } from "../ui/states";
import { toast } from "../ui/Toast";
import { When } from "../ui/When";
import "./people.css";

interface LinkView {
  link: number;
  at_ms: number;
  ids: string[];
  cause: string;
  source: string;
  message_id: string;
  place: [number, number];
  outcome: string;
  undone_ms: number | null;
}

interface Member {
  kind: string;
  id: string;
  since_ms: number;
}

interface Group {
  group: string;
  /** How many ids of each kind belong to it. */
  counts: Record<string, number>;
  /** The first of them, users before others, newest first. */
  members: Member[];
}

interface Person {
  person: number;
  ids: Member[];
  groups: { id: string; since_ms: number }[];
  links: LinkView[];
}

interface Found {
  people?: Person[];
  group?: Group | null;
  recent?: LinkView[];
  /** Why two ids were not joined, in a sentence. */
  meanings: Record<string, string>;
}

const PAGE = 50;

export default function PeoplePage() {
  const [id, setId] = useQueryParam("id");
  const [text, setText] = useState(id);
  const [shownFor, setShownFor] = useState(id);
  if (shownFor !== id) { setShownFor(id); setText(id); }
  const found = useResource<Found>(withQuery("/api/people", { id }), { everyMs: 5000 });
  useTitle(id ? `${id}, people` : "People");
  return (
    <Page title={id || "People"} {...(id ? { back: { href: "/people", label: "People" } } : {})} note={id ? undefined : "Which ids are one person’s, and which event said so"}>
      <form class="people-search" role="search" onSubmit={(event) => { event.preventDefault(); setId(text.trim()); }}>
        <label class="field search"><SearchIcon /><span class="sr-only">An id of a person or a group, or an e-mail address</span>
          <input type="search" value={text} placeholder="An id of a person or a group, or an e-mail address" autocomplete="off" spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <button type="submit" class="button primary">Look up</button>
      </form>
      <Fetched resource={found}>
        {(data) => data.people ? <People id={id} people={data.people} group={data.group ?? null} meanings={data.meanings} reload={found.reload} /> : <Recent links={data.recent ?? []} meanings={data.meanings} />}
      </Fetched>
    </Page>
  );
}

function People({ id, people, group, meanings, reload }: { id: string; people: readonly Person[]; group: Group | null; meanings: Record<string, string>; reload: () => void }) {
  return (
    <>
      {people.map((person, i) => <OnePerson key={person.person || i} person={person} id={id} meanings={meanings} reload={reload} />)}
      {group && <><Traits key={`group ${id}`} id={id} of="group" /><Members group={group} /></>}
      {!people.length && !group && <div class="frame"><EmptyState title="Nobody was joined under this id" icon={<PeopleIcon />}>Ids become known by identify, alias and group calls. Events with the id, if there are any, are below.</EmptyState></div>}
      {(people.length > 0 || !group) && <><Traits key={`traits ${id}`} id={id} of="person" /><Events key={id} id={id} /></>}
    </>
  );
}

function Members({ group }: { group: Group }) {
  const total = sum(group.counts);
  const counts = Object.entries(group.counts).map(([kind, count]) => `${whole(count)} ${kind}`).join(" and ");
  const shown = group.members.length < total ? `; the first ${whole(group.members.length)}, newest first` : "";
  return (
    <Section title={`Group ${group.group}`} note={`${counts} ${total === 1 ? "id belongs" : "ids belong"} to it${shown}`}>
      <DataTable label="Who belongs to the group" rows={group.members} rowKey={(member) => `${member.kind} ${member.id}`} href={(member) => withQuery("/people", { id: member.id })}
        columns={[
          { key: "kind", label: "Kind", width: "140px", cell: (member) => <span class={`badge ${member.kind === "user" ? "accent" : ""}`}>{member.kind}</span>, sort: (member) => member.kind },
          { key: "id", label: "Id", cell: (member) => <code class="people-who">{member.id}</code>, sort: (member) => member.id },
          { key: "since", label: "Since", cell: (member) => <When at={member.since_ms} />, sort: (member) => member.since_ms },
        ]} />
    </Section>
  );
}

interface Known {
  traits: Record<string, unknown>;
  sources: { source: string; id: string; received_at: string | null; traits: Record<string, unknown> }[];
}

type TraitsFound = Known & { group: Known | null };

/** The last traits, as the warehouse has them; nothing where it knows none. */
function Traits({ id, of }: { id: string; of: "person" | "group" }) {
  const { data } = useResource<TraitsFound>(withQuery("/api/people/traits", { id }));
  const found = of === "group" ? data?.group : data;
  const rows = Object.entries(found?.traits ?? {}).sort(([one], [other]) => one.localeCompare(other));
  if (!found || !rows.length) return null;
  const from = (name: string) => found.sources.filter((one) => name in one.traits).map((one) => one.source).join(", ");
  return (
    <Section title={of === "group" ? "Traits of the group" : "Traits"} note="the last ones, from the warehouse">
      <DataTable label="Traits" rows={rows} rowKey={([name]) => name}
        columns={[
          { key: "name", label: "Trait", cell: ([name]) => <code>{name}</code>, sort: ([name]) => name },
          { key: "value", label: "Value", cell: ([, value]) => <span class="clip wide">{typeof value === "string" ? value : JSON.stringify(value)}</span> },
          { key: "source", label: "Source", hide: "narrow", cell: ([name]) => from(name) },
        ]} />
    </Section>
  );
}

function OnePerson({ person, id, meanings, reload }: { person: Person; id: string; meanings: Record<string, string>; reload: () => void }) {
  const undo = async (link: LinkView) => {
    const body = <>The ids <IdText id={link.ids[0]!} /> and <IdText id={link.ids[1]!} /> are kept apart from now on. Events that were delivered stay as they are.</>;
    if (!(await confirm({ title: "Undo this link for good?", body, action: "Undo the link", tone: "bad" }))) return;
    try {
      await post("/api/people/undo", { id, link: link.link });
      toast("The link no longer holds");
    } catch (error) {
      toast(messageOf(error), "bad");
    }
    reload();
  };
  return (
    <Section title={person.person ? `Person ${person.person}` : "Joined to nobody"} note={`${person.ids.length} ${person.ids.length === 1 ? "id" : "ids"}`}>
      <div class="people-one">
        <div class="frame">
          <ul class="people-ids">
            {person.ids.map((member) => (
              <li key={member.kind + member.id}><span class={`badge ${member.kind === "user" ? "accent" : ""}`}>{member.kind}</span><code>{member.id}</code><span class="faint">since <When at={member.since_ms} /></span></li>
            ))}
            {person.groups.map((group) => (
              <li key={`group ${group.id}`}><span class="chip chip-group">group</span><Link class="people-id" href={withQuery("/people", { id: `group:${group.id}` })} title="Who belongs to it"><code>{group.id}</code></Link><span class="faint">since <When at={group.since_ms} /></span></li>
            ))}
          </ul>
        </div>
        <ol class="people-links" aria-label="How the ids became known">
          {person.links.map((link) => <LinkLine key={link.link} link={link} meanings={meanings} onUndo={link.outcome === "joined" && link.undone_ms === null ? () => void undo(link) : undefined} />)}
        </ol>
      </div>
    </Section>
  );
}

function LinkLine({ link, meanings, onUndo }: { link: LinkView; meanings: Record<string, string>; onUndo?: (() => void) | undefined }) {
  const workspace = useWorkspace();
  const holds = link.outcome === "joined" && link.undone_ms === null;
  return (
    <li class={holds ? "holds" : "not"}>
      <span class="people-mark">{holds ? <CheckIcon /> : <RefusedIcon />}<span class="sr-only">{holds ? "Joined" : "Not joined"}</span></span>
      <div>
        <p><IdText id={link.ids[0]!} /> <span class="faint">{holds ? "is" : "is not"}</span> <IdText id={link.ids[1]!} /></p>
        <p class="faint">
          {link.outcome !== "joined" && <>{meanings[link.outcome] ?? link.outcome} </>}
          {link.undone_ms !== null && <>Undone <When at={link.undone_ms} />. </>}
          <Link href={`/events/events/${link.place[0]}/${link.place[1]}`}>{link.cause}</Link> from {sourceName(workspace, link.source)}, <When at={link.at_ms} />
        </p>
      </div>
      {onUndo && <button type="button" class="button quiet" onClick={onUndo}>Undo …</button>}
    </li>
  );
}

function IdText({ id }: { id: string }) {
  const [kind, ...rest] = id.split(":");
  const value = rest.join(":");
  return <Link class="people-id" href={withQuery("/people", { id: value })} title={`${kind} id`}><code>{value}</code></Link>;
}

function Events({ id }: { id: string }) {
  const first = useResource<EventPage>(withQuery("/api/people/events", { id, limit: PAGE }), { everyMs: 5000 });
  const [older, setOlder] = useState<{ events: Entry[]; before: string; exhausted: boolean } | null>(null);
  const [asking, setAsking] = useState(false);
  return (
    <Section title="Events" note="of all these ids, newest first">
      <Fetched resource={first}>
        {(page) => {
          const state = older ?? { events: [], before: page.before, exhausted: page.exhausted };
          const seen = new Set(page.events.map((entry) => pathOf(entry.position)));
          const rows = [...page.events, ...state.events.filter((entry) => !seen.has(pathOf(entry.position)))];
          const more = async () => {
            setAsking(true);
            try {
              const next = await get<EventPage>("/api/people/events", { query: { id, limit: PAGE, before: state.before } });
              setOlder({ events: [...state.events, ...next.events], before: next.before, exhausted: next.exhausted });
            } catch (error) {
              toast(messageOf(error), "bad");
            }
            setAsking(false);
          };
          return (
            <>
              <DataTable label="Events of the person" rows={rows} rowKey={(entry) => pathOf(entry.position)} href={(entry) => `/events/${pathOf(entry.position)}`}
                empty={<div class="frame"><EmptyState title={state.exhausted ? "No event in the log" : "No event among the newest"}>{state.exhausted ? "The log keeps events for a time; older ones are in the warehouse." : "The log is read from its end; older events are further back."}</EmptyState></div>}
                columns={[
                  { key: "name", label: "Event", cell: (entry) => <span class="people-event"><OutcomeMark entry={entry} /><TypeChip type={entry.type} /><Name entry={entry} /></span> },
                  { key: "who", label: "Id", cell: (entry) => <code class="people-who">{entry.userId ?? entry.anonymousId}</code> },
                  { key: "source", label: "Source", hide: "narrow", cell: (entry) => <SourceName source={entry.source} /> },
                  { key: "at", label: "Received", cell: (entry) => <time title={moment(entry.receivedAt)}><When at={entry.receivedAt} /></time> },
                ]} />
              {!state.exhausted && <div class="table-more"><button type="button" class="button" disabled={asking} onClick={() => void more()}>{asking ? "Reading …" : "Older events"}</button></div>}
            </>
          );
        }}
      </Fetched>
    </Section>
  );
}

function SourceName({ source }: { source: string }) {
  return <>{sourceName(useWorkspace(), source)}</>;
}

function Recent({ links, meanings }: { links: readonly LinkView[]; meanings: Record<string, string> }) {
  if (!links.length) {
    return <EmptyState title="Nobody is known yet" icon={<PeopleIcon />}>An identify call with a user id and an anonymous id says that both are one person; so does an alias call.</EmptyState>;
  }
  return (
    <Section title="Newest links" note="ids that events said are one person’s">
      <ol class="people-links" aria-label="Links">{links.map((link) => <LinkLine key={link.link} link={link} meanings={meanings} />)}</ol>
    </Section>
  );
}
