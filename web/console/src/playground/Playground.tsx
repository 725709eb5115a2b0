/**
 * Make up a call, and see what would become of it while one types: the very code of the product answers, and nothing is
 * sent. The draft lives in the address, so that a link shows the same to others.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, isAbort, messageOf, post } from "../api/client";
import { useResource } from "../api/useResource";
import type { Workspace } from "../api/workspace";
import { JsonDiff } from "../json/JsonDiff";
import { JsonTree } from "../json/JsonTree";
import { CopyButton } from "../ui/CopyButton";
import { LinkIcon, SendIcon } from "../ui/icons";
import { LazyEditor, type Problem } from "../ui/LazyEditor";
import { Page, Section } from "../ui/PageHeader";
import { router, useQueryParam } from "../ui/router";
import { Loading, Notice } from "../ui/states";
import { Segments, TabPanel, Tabs } from "../ui/Tabs";
import { Advice, Verdict } from "./Advice";
import type { Help, Sent, Told } from "./api";
import { CALL_TYPES, decodeDraft, encodeDraft, FIRST, isObject, MEMBER, retyped, TEXTS, type Call, type Client, type Draft } from "./call";
import { Destinations } from "./Destinations";
import { CodeError, parseCode } from "./parse";
import { newMoment, SENDERS, withCommonFields } from "./payload";
import "./playground.css";
import { PropertiesForm } from "./PropertiesForm";
import { Snippets } from "./Snippets";
import { webCall } from "./snippets";
import { Stages } from "./Stages";
import { Trace } from "./Trace";

const TYPING_MS = 160;
const NONE: Help = { events: [], can_send: false };
/** Where `trackway up` listens. */
const UP = "http://127.0.0.1:8080";
type Way = "form" | "code" | "json";

interface Props {
  /** Null until it is known, and on the page for everybody. */
  workspace: Workspace | null;
  /** Stand beside "Share" where one cannot send. */
  actions?: ComponentChildren;
  /** Stands at the end. */
  children?: ComponentChildren;
}

export function Playground({ workspace, actions, children }: Props) {
  const help = useResource<Help>("/api/playground").data ?? NONE;
  const [draft, setDraft] = useState<Draft>(() => decodeDraft(router.query.get("call") ?? "") ?? FIRST);
  const [wrongText, setWrongText] = useState<string | null>(null);
  const [moment, setMoment] = useState(newMoment);
  const [way, setWay] = useQueryParam("as", "form");
  const source = draft.source || workspace?.sources[0]?.key || "";
  const payload = useMemo(() => withCommonFields(draft.type, draft.call, draft.client, moment), [draft, moment]);
  const { told, problem } = usePreview(wrongText === null ? payload : null, wrongText, source, draft.client);
  const [sent, setSent] = useState<{ sent: Sent; messageId: string } | null>(null);
  const [sending, setSending] = useState(false);
  const [refusal, setRefusal] = useState("");

  useEffect(() => {
    const timer = setTimeout(() => router.setQuery({ call: draft === FIRST ? "" : encodeDraft(draft) }), 400);
    return () => clearTimeout(timer);
  }, [draft]);
  // A link, and the browser's way back, show another draft.
  useEffect(() => router.subscribe(() => {
    const found = decodeDraft(router.query.get("call") ?? "");
    if (found) setDraft((now) => (encodeDraft(now) === encodeDraft(found) ? now : found));
  }), []);

  const edit = (call: Call) => { setWrongText(null); setDraft({ ...draft, call }); };
  const send = async () => {
    setSending(true);
    setRefusal("");
    try {
      const fresh = newMoment();
      const call = withCommonFields(draft.type, draft.call, draft.client, fresh);
      const answer = await post<Sent>("/api/playground/send", { call, source, user_agent: draft.client === "web" ? navigator.userAgent : "" });
      setSent({ sent: answer, messageId: answer.answer.verdicts?.[0]?.messageId ?? String(call["messageId"] ?? "") });
      setMoment(fresh);
    } catch (error) {
      setRefusal(messageOf(error));
    }
    setSending(false);
  };
  const found = workspace?.sources.find((one) => one.key === source);
  const target = { host: workspace?.ingest_url ?? UP, writeKey: found?.write_keys[0] ?? "WRITE_KEY" };

  return (
    <Page title="Playground" note={`Make up a call, and see what would become of it. Nothing is sent${actions ? "." : " before you say so."}`}
      actions={
        <>
          <CopyButton label="Share" icon={<LinkIcon />} text={() => new URL(`${location.pathname}?call=${encodeDraft(draft)}`, location.href).href} title="Copy a link that shows this call" />
          {help.can_send && <button type="button" class="button primary" disabled={sending || wrongText !== null || !source} onClick={() => void send()}><SendIcon />{sending ? "Sending …" : "Send it for real"}</button>}
          {actions}
        </>
      }>
      <div class="play">
        <section class="play-compose frame" aria-label="The call">
          <Compose draft={draft} way={way as Way} setWay={setWay} onDraft={(next) => { setWrongText(null); setDraft(next); }} onCall={edit} onWrong={setWrongText}
            help={help} told={told} sources={workspace?.sources ?? []} source={source} />
        </section>
        <section class="play-result frame" aria-label="What would become of it" aria-busy={told === null}>
          {refusal && <Notice tone="bad" title="Not sent">{refusal}</Notice>}
          {problem && <Notice tone="bad" title="This could not be shown">{problem}</Notice>}
          {told ? <Result told={told} payload={payload} onRename={(name) => edit({ ...draft.call, event: name })}
            onAdd={(name, type) => edit({ ...draft.call, properties: { ...(isObject(draft.call["properties"]) ? draft.call["properties"] : {}), [name]: exampleOf(type) } })} /> : !problem && <Loading />}
        </section>
      </div>
      {sent && (
        <Section title="Sent for real" note={<code>{sent.messageId}</code>} actions={<button type="button" class="button" onClick={() => setSent(null)}>Close</button>}>
          <Trace key={sent.messageId} {...sent} />
        </Section>
      )}
      {told && (
        <Section title="What each destination would receive" note={told.event ? "Rendered by the destinations themselves; nothing is sent to them" : "The call becomes no event, so nobody gets it"}>
          <Destinations destinations={told.destinations} />
        </Section>
      )}
      <Section title="The same call from your code">
        <Snippets type={draft.type} call={draft.call} target={target} />
      </Section>
      {children}
    </Page>
  );
}

/** Ask for a preview a moment after the last change; the answer before stays until the new one is there. */
function usePreview(payload: Call | null, text: string | null, source: string, client: Client): { told: Told | null; problem: string } {
  const [told, setTold] = useState<Told | null>(null);
  const [problem, setProblem] = useState("");
  const first = useRef(true);
  const asked = JSON.stringify([payload, text, source, client]);
  useEffect(() => {
    const abort = new AbortController();
    const ask = () => {
      const sender = SENDERS.find((one) => one.value === client)!;
      const body = { ...(payload ? { call: payload } : { text: text ?? "" }), source, client_side: sender.clientSide, user_agent: sender.clientSide ? navigator.userAgent : "" };
      post<Told>("/api/playground/preview", body, { signal: abort.signal }).then(
        (answer) => { setTold(answer); setProblem(""); },
        (error: unknown) => {
          if (isAbort(error)) return;
          setProblem(messageOf(error));
          // On the page for everybody one may have to wait.
          const waitS = error instanceof ApiError ? error.body["retry_after_s"] : undefined;
          if (typeof waitS === "number") timer = setTimeout(ask, waitS * 1000);
        },
      );
    };
    let timer = setTimeout(ask, first.current ? 0 : TYPING_MS);
    first.current = false;
    return () => { clearTimeout(timer); abort.abort(); };
  }, [asked]);
  return { told, problem };
}

interface ComposeProps {
  draft: Draft;
  way: Way;
  setWay: (way: string) => void;
  onDraft: (draft: Draft) => void;
  onCall: (call: Call) => void;
  onWrong: (text: string | null) => void;
  help: Help;
  told: Told | null;
  sources: readonly { key: string; name: string }[];
  source: string;
}

function Compose({ draft, way, setWay, onDraft, onCall, onWrong, help, told, sources, source }: ComposeProps) {
  const { type, call } = draft;
  return (
    <>
      <div class="play-bar">
        <Segments label="Type of call" value={type} onChange={(to) => onDraft({ ...draft, type: to, call: retyped(call, type, to) })}
          options={CALL_TYPES.map((one) => ({ value: one, label: one }))} />
      </div>
      <div class="play-bar play-from">
        {sources.length > 0 && (
          <label>from <select class="choice" value={source} onChange={(event) => onDraft({ ...draft, source: event.currentTarget.value })}>
            {sources.map((one) => <option key={one.key} value={one.key}>{one.name || one.key}</option>)}
          </select></label>
        )}
        <label>sent by <select class="choice" value={draft.client} onChange={(event) => onDraft({ ...draft, client: event.currentTarget.value as Client })}>
          {SENDERS.map((one) => <option key={one.value} value={one.value}>{one.label}</option>)}
        </select></label>
        <Segments label="Write it as" value={way} onChange={(to) => { onWrong(null); setWay(to); }} options={[{ value: "form", label: "Form" }, { value: "code", label: "Code" }, { value: "json", label: "JSON" }]} />
      </div>
      <div class="play-body">
        {way === "form" && <Form draft={draft} onCall={onCall} help={help} told={told} />}
        {way === "code" && <CodeWay draft={draft} onDraft={onDraft} />}
        {way === "json" && <JsonWay draft={draft} onDraft={onDraft} onWrong={onWrong} />}
      </div>
    </>
  );
}

function Form({ draft, onCall, help, told }: { draft: Draft; onCall: (call: Call) => void; help: Help; told: Told | null }) {
  const { type, call } = draft;
  const member = MEMBER[type];
  const set = (name: string, value: string) => {
    const next = { ...call };
    if (value) next[name] = value;
    else delete next[name];
    onCall(next);
  };
  const names = useMemo(() => [
    ...(told?.plan?.rows.filter((row) => row.path.startsWith(`${member}.`) && !row.path.includes("$")).map((row) => ({ name: row.path.slice(member!.length + 1), about: `planned: ${row.types.join(" or ")}` })) ?? []),
    ...(told?.semantic?.properties.map((property) => ({ name: property.name, about: property.description })) ?? []),
  ], [told, member]);
  const labels: Record<string, string> = { event: "Event name", name: "Name", category: "Category", groupId: "Group id", previousId: "Previous id" };
  return (
    <div class="play-form">
      <datalist id="play-events">{help.events.map((event) => <option key={event.name} value={event.name}>{event.summary}</option>)}</datalist>
      {TEXTS[type].map((name) => (
        <label key={name} class="play-field"><span>{labels[name]}</span>
          <input class="input" name={name} value={String(call[name] ?? "")} list={name === "event" ? "play-events" : undefined} autocomplete="off" spellcheck={false} onInput={(event) => set(name, event.currentTarget.value)} />
        </label>
      ))}
      <div class="play-pair">
        <label class="play-field"><span>User id</span><input class="input mono" name="userId" value={String(call["userId"] ?? "")} autocomplete="off" spellcheck={false} onInput={(event) => set("userId", event.currentTarget.value)} /></label>
        <label class="play-field"><span>Anonymous id</span><input class="input mono" name="anonymousId" value={String(call["anonymousId"] ?? "")} placeholder={draft.client === "web" ? "made by the browser" : ""} autocomplete="off" spellcheck={false} onInput={(event) => set("anonymousId", event.currentTarget.value)} /></label>
      </div>
      {member && (isObject(call[member]) || call[member] === undefined
        ? <PropertiesForm title={member === "traits" ? "Traits" : "Properties"} value={(call[member] as Record<string, unknown> | undefined) ?? {}} names={names} onChange={(value) => onCall({ ...call, [member]: value })} />
        : <Notice tone="odd" title={`${member} is no object`}>Change it as code or JSON.</Notice>)}
      {(call["context"] !== undefined || call["integrations"] !== undefined) && <p class="faint">The call has a context or integrations of its own; change them as code or JSON.</p>}
    </div>
  );
}

function CodeWay({ draft, onDraft }: { draft: Draft; onDraft: (draft: Draft) => void }) {
  const [code, setCode] = useState(() => webCall(draft.type, draft.call));
  const [wrong, setWrong] = useState<Problem | null>(null);
  const own = useRef(draft);
  // A name taken from the advice, another type: the code follows.
  useEffect(() => { if (own.current !== draft) { own.current = draft; setCode(webCall(draft.type, draft.call)); setWrong(null); } }, [draft]);
  const change = (text: string) => {
    setCode(text);
    try {
      const next = { ...draft, ...parseCode(text) };
      setWrong(null);
      own.current = next;
      onDraft(next);
    } catch (error) {
      if (!(error instanceof CodeError)) throw error;
      setWrong({ from: error.from, to: error.to, message: error.message });
    }
  };
  return (
    <>
      <div class="editor-frame play-editor"><LazyEditor label="The call as code" language="javascript" value={code} onChange={change} problem={wrong} placeholder='analytics.track("User Registered", { plan: "Pro Annual" })' /></div>
      <p class={wrong ? "play-wrong" : "faint"} role="status">{wrong ? `Not understood, so the call before is shown: ${wrong.message}.` : "Paste a call from your code; it is read, never run."}</p>
    </>
  );
}

function JsonWay({ draft, onDraft, onWrong }: { draft: Draft; onDraft: (draft: Draft) => void; onWrong: (text: string | null) => void }) {
  const write = (of: Draft) => JSON.stringify({ type: of.type, ...of.call }, null, 2);
  const [text, setText] = useState(() => write(draft));
  const [bad, setBad] = useState("");
  const own = useRef(draft);
  useEffect(() => { if (own.current !== draft) { own.current = draft; setText(write(draft)); setBad(""); } }, [draft]);
  const change = (next: string) => {
    setText(next);
    try {
      const value: unknown = JSON.parse(next);
      if (!isObject(value)) throw new SyntaxError("a call is an object");
      const { type, ...call } = value;
      const known = CALL_TYPES.find((one) => one === type);
      if (!known) throw new SyntaxError(`type is one of ${CALL_TYPES.join(", ")}`);
      setBad("");
      own.current = { ...draft, type: known, call };
      onDraft(own.current);
    } catch (error) {
      // The server says what is wrong with it: that is its verdict.
      setBad(messageOf(error));
      onWrong(next);
    }
  };
  return (
    <>
      <div class="editor-frame play-editor"><LazyEditor label="The call as JSON" language="json" value={text} onChange={change} /></div>
      <p class={bad ? "play-wrong" : "faint"} role="status">{bad || "What the client adds to it is under “Payload”."}</p>
    </>
  );
}

function Result({ told, payload, onRename, onAdd }: { told: Told; payload: Call; onRename: (name: string) => void; onAdd: (name: string, type: string) => void }) {
  const [tab, setTab] = useQueryParam("show", "result");
  const [side, setSide] = useState<"sent" | "kept" | "both">("kept");
  const remarks = told.naming.length + (told.plan?.violations.length ?? 0) + (told.semantic?.remarks.length ?? 0);
  const changing = told.stages.filter((stage) => stage.changes.length).length;
  const mark = told.verdict.pointer ? [{ pointer: told.verdict.pointer, kind: "bad" as const, text: told.verdict.message }] : [];
  const marks = [...mark, ...(told.plan?.violations.map((one) => ({ pointer: one.pointer, kind: "odd" as const, text: one.description })) ?? [])];
  return (
    <>
      <Verdict told={told} />
      <div class="play-tabs">
        <Tabs label="What would become of it" value={tab} onChange={setTab} tabs={[
          { value: "result", label: "Result", ...(remarks ? { count: remarks } : {}) }, { value: "stages", label: "Stages", ...(changing ? { count: changing } : {}) },
        ]} />
      </div>
      <div class="play-panel">
        <TabPanel of="result" value={tab}>
          <Advice told={told} onRename={onRename} onAdd={onAdd} />
          <h2 class="play-heading">Payload</h2>
          <div class="play-which">
            <Segments label="Which payload" value={told.event ? side : "sent"} onChange={setSide} options={[{ value: "sent", label: "As sent" }, ...(told.event ? [{ value: "kept" as const, label: "As kept" }, { value: "both" as const, label: "Difference" }] : [])]} />
            <CopyButton label="Copy" text={() => JSON.stringify(side === "sent" || !told.event ? payload : told.event, null, 2)} />
          </div>
          {side === "sent" || !told.event ? <JsonTree key="sent" value={payload} marks={mark} /> : side === "kept" ? <JsonTree key="kept" value={told.event} marks={marks} /> : <JsonDiff before={payload} after={told.event} label="From what is sent to what is kept" />}
        </TabPanel>
        <TabPanel of="stages" value={tab}><Stages stages={told.stages} /></TabPanel>
      </div>
    </>
  );
}

function exampleOf(type: string): unknown {
  const examples: Record<string, unknown> = { number: 19.99, integer: 1, boolean: true, array: [], object: {}, date: new Date().toISOString() };
  return examples[type.split(" or ")[0]!] ?? "";
}
