/** What the product says about a call: the verdict, the name, the plan, and what a known event expects. */
import type { ComponentChildren } from "preact";
import { whole } from "../ui/format";
import { CheckIcon, InfoIcon, OkayIcon, PlusIcon, RefusedIcon, WarningIcon } from "../ui/icons";
import { Prose } from "../ui/Prose";
import type { PlanTold, SemanticTold, Told } from "./api";

interface Props {
  told: Told;
  onRename: (name: string) => void;
  onAdd: (name: string, type: string) => void;
}

export function Verdict({ told }: { told: Told }) {
  const { verdict } = told;
  if (!verdict.accepted) {
    return (
      <div class="play-verdict bad" role="status">
        <RefusedIcon />
        <div><b>Refused: <code>{verdict.reason}</code></b><p><Prose text={verdict.message} />{verdict.pointer && <> The fault is at <code>{verdict.pointer}</code>.</>} The call would wait in quarantine.</p></div>
      </div>
    );
  }
  if (told.ended) {
    return (
      <div class="play-verdict odd" role="status">
        <WarningIcon />
        <div><b>Accepted, then {told.ended}: <code>{told.reason}</code></b><p><Prose text={told.message} /></p></div>
      </div>
    );
  }
  const changed = told.stages.filter((stage) => stage.changes.length).length;
  const odd = told.findings.length;
  return (
    <div class="play-verdict good" role="status">
      <OkayIcon />
      <div><b>Accepted</b><p>{whole(told.size_bytes)} bytes; {changed} {changed === 1 ? "stage changes" : "stages change"} it{odd ? `, with ${odd} ${odd === 1 ? "remark" : "remarks"}` : ""}.</p></div>
    </div>
  );
}

export function Advice({ told, onRename, onAdd }: Props) {
  const { naming, context, semantic, plan, findings, mistake } = told;
  const others = findings.filter((finding) => !finding.code.startsWith("plan_") && !finding.code.startsWith("property_"));
  const nothing = !naming.length && !context.length && !semantic && !plan && !others.length && !mistake;
  return (
    <div class="play-advice">
      {mistake && <Group title="Settings" tone="bad"><Item tone="bad">{mistake}</Item></Group>}
      {naming.length > 0 && (
        <Group title="Name" tone="odd">
          {naming.map((problem) => (
            <Item key={problem.code} tone="odd" action={problem.suggestion && (
              <button type="button" class="button" onClick={() => onRename(problem.suggestion!)}>Use “{problem.suggestion}”</button>
            )}>{problem.message}</Item>
          ))}
        </Group>
      )}
      {context.length > 0 && (
        <Group title="Context" tone="odd">
          {context.map((problem) => <Item key={problem.pointer} tone="odd"><code>{problem.pointer}</code>: <Prose text={problem.message} /></Item>)}
        </Group>
      )}
      {plan && <PlanAdvice plan={plan} />}
      {semantic && <SemanticAdvice semantic={semantic} onAdd={onAdd} />}
      {others.length > 0 && (
        <Group title="Remarks of the pipeline" tone="info">
          {others.map((finding, i) => <Item key={i} tone="info"><code>{finding.pointer || "/"}</code> {finding.code.replaceAll("_", " ")}{finding.detail && <>: <q>{finding.detail}</q></>}</Item>)}
        </Group>
      )}
      {nothing && <p class="none play-fine"><CheckIcon /> Nothing to remark on.</p>}
    </div>
  );
}

function PlanAdvice({ plan }: { plan: PlanTold }) {
  const { violations } = plan;
  const words: Record<string, string> = { allow: "allowed", flag: "remarked on", omit: "left out", quarantine: "goes to quarantine" };
  return (
    <Group title={`Tracking plan “${plan.plan}”`} tone={violations.length ? "odd" : "good"}>
      {violations.map((one, i) => (
        <Item key={i} tone={one.action === "quarantine" ? "bad" : "odd"} action={<span class="badge">{words[one.action] ?? one.action}</span>}><Prose text={one.description} /></Item>
      ))}
      {plan.unknown_version && <Item tone="odd">The plan has no such version of the event; the oldest was used.</Item>}
      {!violations.length && <Item tone="good">{plan.planned ? "As planned." : "The plan says nothing about calls of this type."}</Item>}
    </Group>
  );
}

function SemanticAdvice({ semantic, onAdd }: { semantic: SemanticTold; onAdd: Props["onAdd"] }) {
  const missing = semantic.properties.filter((property) => !property.given);
  const odd = semantic.remarks.filter((remark) => remark.code !== "property_missing");
  return (
    <Group title={`Known event: ${semantic.name}`} tone={semantic.remarks.length ? "odd" : "good"}>
      <Item tone="info">{semantic.summary}</Item>
      {Object.entries(semantic.renames).map(([from, to]) => <Item key={from} tone="info"><code>{from}</code> becomes <code>{to}</code>.</Item>)}
      {odd.map((remark, i) => <Item key={i} tone="odd"><code>{remark.pointer}</code>: {remark.detail}</Item>)}
      {missing.length > 0 && (
        <div class="play-expected">
          <span class="quiet-text">It also has:</span>
          <ul>
            {missing.map((property) => (
              <li key={property.name}>
                <button type="button" class={property.advised ? "play-chip advised" : "play-chip"} title={`${property.description} (${property.type})`}
                  aria-label={`Add ${property.name}, ${property.type}: ${property.description}`} onClick={() => onAdd(property.name, property.type)}><PlusIcon />{property.name}</button>
              </li>
            ))}
          </ul>
          {missing.some((property) => property.advised) && <p class="faint">Those in colour are needed by many destinations.</p>}
        </div>
      )}
    </Group>
  );
}

type Tone = "good" | "odd" | "bad" | "info";

function Group({ title, tone, children }: { title: string; tone: Tone; children: ComponentChildren }) {
  return <section class="play-group" data-tone={tone}><h2>{title}</h2>{children}</section>;
}

function Item({ tone, children, action }: { tone: Tone; children: ComponentChildren; action?: ComponentChildren }) {
  const icon = { good: <CheckIcon />, odd: <WarningIcon />, bad: <RefusedIcon />, info: <InfoIcon /> }[tone];
  return <div class={`play-item ${tone}`}>{icon}<div class="play-item-text">{children}</div>{action}</div>;
}
