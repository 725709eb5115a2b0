/** What is worth a message: what holds now, the rules, who is told, and what is over. */
import { useState } from "preact/hooks";
import { messageOf, post } from "../api/client";
import { destinationName, sourceName, useWorkspace, type Workspace } from "../api/workspace";
import { useResource } from "../api/useResource";
import { CodeBlock } from "../ui/CodeBlock";
import { DataTable } from "../ui/DataTable";
import { percent } from "../ui/bytes";
import { moment } from "../ui/format";
import { OkayIcon, SendIcon, WarningIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Page, Section } from "../ui/PageHeader";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { span } from "../ui/time";
import { toast } from "../ui/Toast";
import { When } from "../ui/When";
import "./alerts.css";

interface Rule {
  name: string;
  when: string;
  terms: Record<string, string>;
  usual: boolean;
  firing: number;
  error: string;
}

interface Channel {
  name: string;
  type: string;
  error: string;
}

interface Standing {
  rule: string;
  subject: string;
  since_ms: number;
  fired_ms: number | null;
  resolved_ms: number | null;
  title: string;
  text: string;
  /** By channel: whether it was told of the end, and when it was told last. */
  told: Record<string, [resolved: boolean, at_ms: number]>;
}

interface Over extends Omit<Standing, "told"> {
  fired_ms: number;
  resolved_ms: number;
}

interface Alerts {
  rules: Rule[];
  channels: Channel[];
  standings: Standing[];
  over: Over[];
}

export default function AlertsPage() {
  const alerts = useResource<Alerts>("/api/alerts", { everyMs: 5000 });
  return (
    <Page title="Alerts" note="What is worth a message, and who gets it">
      <Fetched resource={alerts}>{(data) => <Content data={data} />}</Fetched>
    </Page>
  );
}

function Content({ data }: { data: Alerts }) {
  const holding = data.standings.filter((one) => !one.resolved_ms);
  return (
    <>
      <Now holding={holding} rules={data.rules} />
      <Rules rules={data.rules} />
      <Channels channels={data.channels} />
      <Past over={data.over} rules={data.rules} />
    </>
  );
}

function Now({ holding, rules }: { holding: readonly Standing[]; rules: readonly Rule[] }) {
  const workspace = useWorkspace();
  return (
    <Section title="Now">
      {!holding.length ? <div class="frame"><EmptyState title="Nothing is wrong" icon={<OkayIcon />}>None of the rules below holds.</EmptyState></div> : (
        <ul class="frame alerts-now">
          {holding.map((one) => (
            <li key={`${one.rule}/${one.subject}`} class={one.fired_ms ? "firing" : ""}>
              <WarningIcon />
              <div class="alerts-what">
                <h3><Subject of={one} rules={rules} workspace={workspace} /></h3>
                <p>{one.text}</p>
                <p class="quiet-text"><code>{one.rule}</code> for {span((Date.now() - one.since_ms) / 1000)}{toldOf(one)}</p>
              </div>
              <span class={one.fired_ms ? "badge bad" : "badge odd"}>{one.fired_ms ? "firing" : "not long enough yet"}</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function toldOf({ fired_ms, told }: Standing): string {
  const names = Object.keys(told);
  return names.length ? `, told ${names.join(", ")}` : fired_ms ? ", nobody was told" : "";
}

/** The title, as a link to what it is about. */
function Subject({ of, rules, workspace }: { of: { rule: string; subject: string; title: string }; rules: readonly Rule[]; workspace: Workspace | null }) {
  const when = rules.find((rule) => rule.name === of.rule)?.when ?? "";
  const path = pathOf(when, of.subject, workspace);
  return path ? <Link href={path}>{of.title}</Link> : <>{of.title}</>;
}

function pathOf(when: string, subject: string, workspace: Workspace | null): string | null {
  const key = encodeURIComponent(subject);
  if (workspace?.destinations.some((one) => one.key === subject) && ["destination_down", "behind", "success_rate", "failed"].includes(when)) return `/destinations/${key}`;
  if (workspace?.sources.some((one) => one.key === subject) && ["no_events", "events", "quarantined"].includes(when)) return when === "quarantined" ? `/quarantine?source=${key}` : `/sources/${key}`;
  return when.startsWith("warehouse") ? "/warehouse" : null;
}

function Rules({ rules }: { rules: readonly Rule[] }) {
  const workspace = useWorkspace();
  return (
    <Section title="Rules" note="in trackway.yaml under alerts.rules">
      <DataTable label="Rules" rows={rules} rowKey={(one) => one.name} tone={(one) => (one.error ? "odd" : one.firing ? "bad" : undefined)}
        empty={<div class="frame"><EmptyState title="No rules">Even the usual ones are off: alerts.usual is false.</EmptyState></div>}
        columns={[
          { key: "name", label: "Rule", cell: (one) => <>{one.name}{one.usual && <> <span class="badge">usual</span></>}</> },
          { key: "when", label: "When", cell: (one) => <span class="alerts-when">{WHEN[one.when] ?? one.when}{one.error && <Trouble text={one.error} />}</span> },
          { key: "terms", label: "Terms", hide: "narrow", cell: (one) => <Terms of={one.terms} when={one.when} workspace={workspace} /> },
          { key: "firing", label: "Now", cell: (one) => (one.firing ? <span class="badge bad">{one.firing} firing</span> : <span class="faint">quiet</span>) },
        ]} />
    </Section>
  );
}

const WHEN: Record<string, string> = {
  destination_down: "A destination is down", warehouse_failing: "A warehouse takes no rows", ledger: "The ledger does not balance", disk: "The disk fills up", canary: "The canary does not get through",
  no_events: "A source sends no events", events: "A source sends too many or too few events", quarantined: "Too large a share of calls is refused", behind: "A destination is behind", success_rate: "Too few requests succeed",
  failed: "A destination refuses events for good", sql: "A query says so",
};

const BOUNDS = new Set(["above", "below"]);
const SHARES = new Set(["quarantined", "success_rate"]);

/** A bound with its unit. */
function bound(when: string, value: string): string {
  const number = Number(value);
  if (Number.isNaN(number)) return value;
  return when === "disk" ? `${number} days` : SHARES.has(when) ? percent(number) : String(number);
}

function Terms({ of, when, workspace }: { of: Record<string, string>; when: string; workspace: Workspace | null }) {
  const entries = Object.entries(of);
  if (!entries.length) return <span class="faint">none</span>;
  const shown = (name: string, value: string) => (name === "source" ? sourceName(workspace, value) : name === "destination" ? destinationName(workspace, value) : BOUNDS.has(name) ? bound(when, value) : value);
  return <span class="alerts-terms">{entries.map(([name, value]) => <span key={name}><span class="quiet-text">{name.replace("_", " ")}</span> <code>{shown(name, value)}</code></span>)}</span>;
}

function Trouble({ text }: { text: string }) {
  return <span class="alerts-trouble">{text}</span>;
}

const EXAMPLE = `alerts:
  channels:
    ops: {type: slack, url: "\${SLACK_WEBHOOK_URL}"}`;

function Channels({ channels }: { channels: readonly Channel[] }) {
  const [busy, setBusy] = useState("");
  const test = async (channel: string) => {
    setBusy(channel);
    try {
      const { sent, error } = await post<{ sent: boolean; error: string }>("/api/alerts/test", { channel });
      toast(sent ? `${channel} took the message` : `${channel}: ${error}`, sent ? "good" : "bad");
    } catch (error) {
      toast(messageOf(error), "bad");
    }
    setBusy("");
  };
  return (
    <Section title="Channels" note="who is told">
      {!channels.length ? (
        <Notice tone="info" title="Nobody is told yet">Alerts show here and on the overview only. Add a channel to trackway.yaml (Slack, e-mail or a webhook); it is taken over at once.<CodeBlock code={EXAMPLE} label="YAML" /></Notice>
      ) : (
        <DataTable label="Channels" rows={channels} rowKey={(one) => one.name} tone={(one) => (one.error ? "bad" : undefined)}
          columns={[
            { key: "name", label: "Channel", cell: (one) => one.name },
            { key: "type", label: "Type", cell: (one) => one.type },
            { key: "state", label: "State", cell: (one) => (one.error ? <Trouble text={one.error} /> : <span class="faint">no trouble known</span>) },
            { key: "test", label: "", number: true, head: <span class="sr-only">Actions</span>, cell: (one) => <button type="button" class="button" disabled={busy !== ""} onClick={() => void test(one.name)}><SendIcon />{busy === one.name ? "Sending …" : "Send a test"}</button> },
          ]} />
      )}
    </Section>
  );
}

function Past({ over, rules }: { over: readonly Over[]; rules: readonly Rule[] }) {
  const workspace = useWorkspace();
  return (
    <Section title="History" note="what is over, the newest first">
      <DataTable label="Alerts that are over" rows={over} rowKey={(one) => `${one.rule}/${one.subject}/${one.since_ms}`}
        empty={<div class="frame"><EmptyState title="No alert has ended yet" /></div>}
        columns={[
          { key: "title", label: "Alert", cell: (one) => <span title={one.text}><Subject of={one} rules={rules} workspace={workspace} /></span> },
          { key: "rule", label: "Rule", hide: "narrow", cell: (one) => <code>{one.rule}</code> },
          { key: "began", label: "Began", hide: "medium", cell: (one) => moment(new Date(one.since_ms).toISOString()).replace(/\.\d+$/, ""), sort: (one) => one.since_ms },
          { key: "lasted", label: "Lasted", number: true, cell: (one) => span((one.resolved_ms - one.since_ms) / 1000), sort: (one) => one.resolved_ms - one.since_ms },
          { key: "ended", label: "Ended", number: true, cell: (one) => <When at={one.resolved_ms} />, sort: (one) => one.resolved_ms },
        ]} />
    </Section>
  );
}
