import { useState } from "preact/hooks";
import type { DestinationCounts, Overview, SourceCounts } from "../api/overview";
import type { Workspace } from "../api/workspace";
import { rate, short, sum, whole } from "../ui/format";
import { ChevronIcon } from "../ui/icons";
import { Sparkline } from "../ui/Sparkline";

const RECENT_S = 5;
/** More events than a destination has under way at a time. */
const BEHIND = 1000;

/** Return the present rate, as the mean of the last seconds. */
export function rateOf(counts: SourceCounts | undefined): number {
  const last = counts?.per_second.slice(-RECENT_S) ?? [];
  return last.length ? last.reduce((all, each) => all + each, 0) / last.length : 0;
}

/** What became of everything, by source and by destination. */
export function Totals({ workspace, overview }: { workspace: Workspace | null; overview: Overview | null }) {
  const [open, setOpen] = useState(() => localStorage.getItem("totals") === "open");
  const toggle = () => {
    localStorage.setItem("totals", open ? "closed" : "open");
    setOpen(!open);
  };
  const sources = workspace?.sources ?? [];
  const destinations = workspace?.destinations ?? [];
  const counts = overview?.sources ?? [];
  const accepted = counts.reduce((all, each) => all + each.events, 0);
  const refused = counts.reduce((all, each) => all + sum(each.quarantine), 0);
  const perSecond = counts.reduce((all, each) => all + rateOf(each), 0);
  return (
    <section class="totals" aria-label="Counts" data-open={open}>
      <button type="button" class="totals-toggle" aria-expanded={open} onClick={toggle}>
        <ChevronIcon />
        <span class="totals-sum"><b>{rate(perSecond)}</b> events/s</span>
        <span class="totals-sum"><b>{short(accepted)}</b> accepted</span>
        <span class={refused ? "totals-sum bad" : "totals-sum"}><b>{short(refused)}</b> quarantined</span>
      </button>
      {open && (
        <div class="totals-tables">
          <table class="counts">
            <thead>
              <tr><th scope="col">Source</th><th scope="col" class="wide">Last minute</th><th scope="col">Events/s</th>
                <th scope="col">Accepted</th><th scope="col">Left out</th><th scope="col">Quarantined</th></tr>
            </thead>
            <tbody>
              {sources.map((source) => (
                <SourceRow key={source.key} name={source.name} enabled={source.enabled}
                  counts={counts.find((each) => each.source === source.key)} />
              ))}
            </tbody>
          </table>
          <table class="counts">
            <thead>
              <tr><th scope="col">Destination</th><th scope="col">Delivered</th><th scope="col">Pending</th>
                <th scope="col">Retrying</th><th scope="col">Discarded</th><th scope="col">Failed</th></tr>
            </thead>
            <tbody>
              {destinations.map((each) => (
                <DestinationRow key={each.key} name={each.name} type={each.type} enabled={each.enabled}
                  counts={overview?.destinations.find((counted) => counted.destination === each.key)} />
              ))}
              {workspace && !destinations.length && (
                <tr><td colSpan={6} class="none">No destination yet. Name one under <code>destinations:</code> in trackway.yaml.</td></tr>
              )}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function SourceRow({ name, enabled, counts }: { name: string; enabled: boolean; counts: SourceCounts | undefined }) {
  const [shown, setShown] = useState("");
  const now = rateOf(counts);
  const reasons = { duplicates: counts?.dropped ?? {}, quarantined: counts?.quarantine ?? {} };
  return (
    <>
      <tr>
        <th scope="row"><Status kind={!enabled ? "off" : now > 0 ? "good" : "idle"} word={!enabled ? "Switched off" : now > 0 ? "Receiving" : "Quiet"} />{name}</th>
        <td class="wide"><Sparkline values={counts?.per_second ?? []} label={`${rate(now)} events per second now`} /></td>
        <td class="strong">{rate(now)}</td>
        <td>{short(counts?.events ?? 0)}</td>
        <Reasons name="duplicates" shown={shown} onShow={setShown} counts={reasons.duplicates} kind="quiet" />
        <Reasons name="quarantined" shown={shown} onShow={setShown} counts={reasons.quarantined} kind="bad" />
      </tr>
      <ReasonList counts={shown ? reasons[shown as keyof typeof reasons] : {}} />
    </>
  );
}

function DestinationRow({ name, type, enabled, counts }: { name: string; type: string; enabled: boolean; counts: DestinationCounts | undefined }) {
  const [shown, setShown] = useState("");
  const reasons = { discarded: counts?.discarded ?? {}, failed: counts?.failed ?? {} };
  const status = statusOf(enabled, counts);
  return (
    <>
      <tr>
        <th scope="row"><Status {...status} />{name}{name.toLowerCase() !== type && <span class="kind">{type}</span>}</th>
        <td>{short(counts?.delivered ?? 0)}</td>
        <td>{short(counts?.pending ?? 0)}</td>
        <td class={counts?.retrying ? "odd" : undefined}>{short(counts?.retrying ?? 0)}</td>
        <Reasons name="discarded" shown={shown} onShow={setShown} counts={reasons.discarded} kind="quiet" />
        <Reasons name="failed" shown={shown} onShow={setShown} counts={reasons.failed} kind="bad" />
      </tr>
      <ReasonList counts={shown ? reasons[shown as keyof typeof reasons] : {}} />
    </>
  );
}

type StatusKind = "good" | "idle" | "odd" | "bad" | "off";

function statusOf(enabled: boolean, counts: DestinationCounts | undefined): { kind: StatusKind; word: string } {
  if (!enabled) return { kind: "off", word: "Switched off" };
  if (!counts || !counts.accepted) return { kind: "idle", word: "Nothing to deliver yet" };
  if (counts.retrying) return { kind: "odd", word: "Retrying" };
  if (sum(counts.failed)) return { kind: "bad", word: "Some events failed" };
  if (counts.pending > BEHIND) return { kind: "odd", word: "Behind, or not answering" };
  return { kind: "good", word: counts.pending ? "Delivering" : "Up to date" };
}

function Status({ kind, word }: { kind: StatusKind; word: string }) {
  return <span class={`status status-${kind}`} title={word}><span class="sr-only">{word}: </span></span>;
}

interface ReasonsProps {
  name: string;
  shown: string;
  onShow: (name: string) => void;
  counts: Record<string, number>;
  kind: "quiet" | "bad";
}

/** A count that opens into its reasons. */
function Reasons({ name, shown, onShow, counts, kind }: ReasonsProps) {
  const all = sum(counts);
  if (!all) return <td class="zero">0</td>;
  const words = Object.entries(counts).map(([reason, count]) => `${reason}: ${whole(count)}`).join("\n");
  return (
    <td class={kind}>
      <button type="button" class="reasons" title={words} aria-expanded={shown === name}
        aria-label={`${whole(all)} ${name}, show reasons`} onClick={() => onShow(shown === name ? "" : name)}>
        {short(all)}
      </button>
    </td>
  );
}

function ReasonList({ counts }: { counts: Record<string, number> }) {
  const reasons = Object.entries(counts).sort((one, other) => other[1] - one[1]);
  if (!reasons.length) return null;
  return (
    <tr class="reason-list">
      <td colSpan={6}>
        {reasons.map(([reason, count]) => <span key={reason} class="reason-chip">{reason}<b>{whole(count)}</b></span>)}
      </td>
    </tr>
  );
}
