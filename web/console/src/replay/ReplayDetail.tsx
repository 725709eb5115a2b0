/** One replay: how far it is, what became of its events, and the order. */
import type { ComponentChildren } from "preact";
import { messageOf, post } from "../api/client";
import { destinationName, sourceName, useWorkspace } from "../api/workspace";
import { confirm } from "../ui/Dialog";
import { moment, sum, whole } from "../ui/format";
import { Page, Section } from "../ui/PageHeader";
import { Progress } from "../ui/Progress";
import { Notice } from "../ui/states";
import { Stat, Stats } from "../ui/Stat";
import { toast } from "../ui/Toast";
import { OPEN, type Replay } from "./api";

export function ReplayDetail({ replay, reload, badge }: { replay: Replay; reload: () => void; badge: ComponentChildren }) {
  const workspace = useWorkspace();
  const { order } = replay;
  const open = OPEN.has(replay.state);
  const done = Math.max(0, replay.accepted - replay.pending);
  const cancel = async () => {
    if (!(await confirm({ title: `Stop replay ${replay.id}?`, body: "What was sent is sent; the rest is not.", action: "Stop it", tone: "bad" }))) return;
    try {
      await post(`/api/replays/${replay.id}/cancel`, {});
    } catch (error) {
      toast(messageOf(error), "bad");
    }
    reload();
  };
  return (
    <Page title={`Replay ${replay.id}`} back={{ href: "/replay", label: "Replay" }} note={<>to {destinationName(workspace, replay.destination)} {badge}</>}>
      {replay.error && <Notice tone="bad" title="It failed">{replay.error}</Notice>}
      {open && <div class="frame frame-pad"><Progress label={replay.state === "waiting" ? "Waiting for its turn" : "Sending"} done={done} of={replay.accepted} onCancel={() => void cancel()} /></div>}
      <Section title="What became of the events">
        <Counts replay={replay} />
        <div class="replay-reasons">
          <Reasons title="Left out" counts={replay.discarded} />
          <Reasons title="Failed" counts={replay.failed} />
        </div>
      </Section>
      <Section title="The order" framed>
        <dl class="facts">
          <div><dt>Received</dt><dd>{order.from_ms ? moment(new Date(order.from_ms).toISOString()) : "since the log begins"} to {order.to_ms ? moment(new Date(order.to_ms).toISOString()) : moment(replay.created_at)}</dd></div>
          <div><dt>Sources</dt><dd>{order.sources.length ? order.sources.map((key) => sourceName(workspace, key)).join(", ") : "any"}</dd></div>
          <div><dt>Filter</dt><dd>{order.where ? <code>{order.where}</code> : "none"}</dd></div>
          <div><dt>Events</dt><dd>{order.through_pipeline ? "made anew from the calls by today’s pipeline" : "as they are stored"}; {order.again ? "also what the destination has already" : "what the destination has already is passed over"}</dd></div>
          <div><dt>Rate</dt><dd>{order.rate ? `${order.rate} ${order.rate === 1 ? "event" : "events"} a second at the most` : "as fast as the destination takes them"}</dd></div>
          <div><dt>Ordered</dt><dd>{moment(replay.created_at)}</dd></div>
          {replay.ended_at && <div><dt>Ended</dt><dd>{moment(replay.ended_at)}</dd></div>}
        </dl>
      </Section>
    </Page>
  );
}

export function Counts({ replay }: { replay: Replay }) {
  return (
    <Stats>
      <Stat label="Events looked at" value={whole(replay.accepted)} />
      <Stat label="Delivered" value={whole(replay.delivered)} tone={replay.delivered ? "good" : undefined} />
      <Stat label="Left out" value={whole(sum(replay.discarded))} />
      <Stat label="Failed" value={whole(sum(replay.failed))} tone={sum(replay.failed) ? "bad" : undefined} />
      <Stat label="Pending" value={whole(replay.pending)} note={replay.retrying ? `${whole(replay.retrying)} are tried again` : undefined} />
    </Stats>
  );
}

const WORDS: Record<string, string> = {
  NOT_SELECTED: "Not asked for by the order", ALREADY_DELIVERED: "The destination has it already", NOT_DUE: "The destination gets it anyway, in its time",
};

export function Reasons({ title, counts }: { title: string; counts: Record<string, number> }) {
  const listed = Object.entries(counts).sort((one, other) => other[1] - one[1]);
  if (!listed.length) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul>{listed.map(([reason, count]) => <li key={reason}><b>{whole(count)}</b> <code>{reason}</code> <span class="quiet-text">{WORDS[reason] ?? ""}</span></li>)}</ul>
    </div>
  );
}
