/** trackway.yaml as it is now, without its secrets; every key is explained, and edits of the file are seen as they are made. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { withQuery } from "../api/client";
import { useResource } from "../api/useResource";
import { useWorkspace } from "../api/workspace";
import { CopyButton } from "../ui/CopyButton";
import { DataTable } from "../ui/DataTable";
import { CheckIcon } from "../ui/icons";
import { Page } from "../ui/PageHeader";
import { Prose } from "../ui/Prose";
import { useQueryParam } from "../ui/router";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { Changes } from "./Changes";
import { TabPanel, Tabs } from "../ui/Tabs";
import { When } from "../ui/When";
import "./settings.css";

interface File {
  path: string;
  changed_ms: number;
  lines: { text: string; key: string }[];
}

interface Explained {
  key: string;
  meaning: string;
  kind: string;
  default: string | null;
  value: string | null;
  set_in: string;
  taken_over: string;
}

interface Known {
  key: string;
  kind: string;
  default: string | null;
  meaning: string;
  at_start: boolean;
  is_group: boolean;
}

export default function SettingsPage() {
  const [tab, setTab] = useQueryParam("tab", "file");
  const workspace = useWorkspace();
  const file = useResource<File>("/api/settings", { everyMs: 1000 });
  const settings = workspace?.settings;
  return (
    <Page title="Settings" note={file.data && <>{file.data.path}<span class="faint">changed <When at={file.data.changed_ms} /></span></>}
      actions={file.data && <CopyButton label="Copy the path" text={file.data.path} />}
      tabs={<Tabs label="Settings" value={tab} onChange={setTab} tabs={[{ value: "file", label: "The file" }, { value: "changes", label: "Changes" }, { value: "all", label: "Everything that can be set" }]} />}>
      {settings?.mistake && <Notice tone="bad" title="The file has a mistake; the settings before it are in force">{settings.mistake}</Notice>}
      {settings && settings.waiting.length > 0 && <Notice tone="odd" title="Waiting for a restart">{settings.waiting.map((key) => <code key={key} class="settings-waiting">{key}</code>)}</Notice>}
      <TabPanel of="file" value={tab}><Fetched resource={file}>{(data) => <FileView file={data} inForce={settings ? !settings.mistake : true} />}</Fetched></TabPanel>
      <TabPanel of="changes" value={tab}><Changes /></TabPanel>
      <TabPanel of="all" value={tab}><Everything /></TabPanel>
    </Page>
  );
}

function FileView({ file, inForce }: { file: File; inForce: boolean }) {
  const [key, setKey] = useQueryParam("key");
  const list = useRef<HTMLDivElement>(null);
  const before = useRef<string[] | null>(null);
  const [fresh, setFresh] = useState<ReadonlySet<number>>(new Set());
  // Lines that have just been edited are marked for a moment.
  useEffect(() => {
    const old = before.current;
    before.current = file.lines.map((line) => line.text);
    if (!old) return;
    const had = new Map<string, number>();
    for (const text of old) had.set(text, (had.get(text) ?? 0) + 1);
    const changed = new Set<number>();
    file.lines.forEach((line, i) => { const left = had.get(line.text) ?? 0; if (left) had.set(line.text, left - 1); else changed.add(i); });
    setFresh(changed);
    const timer = setTimeout(() => setFresh(new Set()), 6000);
    return () => clearTimeout(timer);
  }, [file]);
  const keys = file.lines.map((line) => line.key).filter(Boolean);
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = keys[Math.max(0, Math.min(keys.length - 1, keys.indexOf(key) + step))];
    if (!next) return;
    setKey(next);
    list.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(next)}"]`)?.focus();
  };
  return (
    <div class="settings">
      <div class="settings-file" ref={list} onKeyDown={onKey} role="group" aria-label="trackway.yaml">
        {file.lines.map((line, i) => (
          <div key={i} class={["settings-line", fresh.has(i) ? "fresh" : "", line.key && line.key === key ? "chosen" : ""].join(" ").trim()}>
            <span class="settings-number" aria-hidden="true">{i + 1}</span>
            {line.key
              ? <button type="button" data-key={line.key} aria-pressed={line.key === key} tabIndex={line.key === (key || keys[0]) ? 0 : -1} title={line.key} onClick={() => setKey(line.key)}><Yaml text={line.text} /></button>
              : <span class="settings-text"><Yaml text={line.text} /></span>}
          </div>
        ))}
        {!file.lines.length && <EmptyState title="The file is empty" />}
      </div>
      <aside class="settings-about" aria-live="polite">
        {key ? <About name={key} stamp={file.changed_ms} onKey={setKey} /> : (
          <EmptyState title={inForce ? "The file is in force" : "An earlier state is in force"} icon={inForce ? <CheckIcon /> : undefined}>
            Choose a line to see what it means. Edit the file with your own editor: Trackway follows it at once.
          </EmptyState>
        )}
      </aside>
    </div>
  );
}

/** A line of YAML with its key, value and comment told apart. */
function Yaml({ text }: { text: string }) {
  const found = /^(\s*(?:- )?)([^\s:#][^:#]*?)(:)(\s.*)?$/.exec(text);
  if (!found) return <span class={text.trimStart().startsWith("#") ? "yaml-comment" : "yaml-value"}>{text || " "}</span>;
  const [, lead, key, colon, rest = ""] = found;
  const comment = /\s#.*$/.exec(rest)?.[0] ?? "";
  const value = rest.slice(0, rest.length - comment.length);
  return <><span>{lead}</span><span class="yaml-key">{key}</span><span class="json-mark">{colon}</span><span class={value.trim() === "***" ? "yaml-secret" : "yaml-value"}>{value}</span><span class="yaml-comment">{comment}</span></>;
}

function About({ name, stamp, onKey }: { name: string; stamp: number; onKey: (key: string) => void }) {
  // The time of the file is no parameter: it asks anew when the file has changed.
  const told = useResource<Explained>(withQuery("/api/settings/explain", { key: name, at: stamp }), { keep: true });
  const all = useResource<{ settings: Known[] }>("/api/settings/keys");
  const pattern = name.replace(/^(sources|destinations|warehouses|functions)\.[^.]+/, "$1.*");
  const below = all.data?.settings.filter((one) => one.key.startsWith(`${pattern}.`) && !one.key.slice(pattern.length + 1).includes(".")) ?? [];
  if (told.error) return <><h2 class="settings-key">{name}</h2><p class="quiet-text">{told.error.message}</p></>;
  if (!told.data) return <h2 class="settings-key">{name}</h2>;
  const one = told.data;
  const parents = name.split(".").slice(0, -1).map((_, i, parts) => name.split(".").slice(0, parts.length - i).join("."));
  return (
    <>
      <h2 class="settings-key">{one.key}</h2>
      <p><Prose text={one.meaning || "A group of settings."} /></p>
      <dl class="settings-facts">
        <div><dt>Write</dt><dd>{one.kind}</dd></div>
        <div><dt>Default</dt><dd>{one.default === null ? "none: it must be given" : <code>{one.default}</code>}</dd></div>
        <div><dt>Here</dt><dd>{one.value === null ? "not set" : <code>{one.value}</code>}</dd></div>
        <div><dt>Set in</dt><dd>{one.set_in}</dd></div>
        <div><dt>A change</dt><dd>is taken over {one.taken_over}</dd></div>
      </dl>
      {below.length > 0 && (
        <>
          <h3>It may hold</h3>
          <ul class="settings-below">{below.map((member) => { const last = member.key.split(".").at(-1)!; return <li key={member.key}><button type="button" onClick={() => onKey(`${name}.${last}`)}><code>{last}</code></button> <span class="quiet-text"><Prose text={member.meaning} /></span></li>; })}</ul>
        </>
      )}
      {parents.length > 0 && <p class="settings-parents">{parents.map((parent) => <button key={parent} type="button" class="button quiet" onClick={() => onKey(parent)}>{parent}</button>)}</p>}
    </>
  );
}

function Everything() {
  const all = useResource<{ settings: Known[] }>("/api/settings/keys");
  const [text, setText] = useState("");
  return (
    <Fetched resource={all}>
      {({ settings }) => <Table settings={settings} text={text} onText={setText} />}
    </Fetched>
  );
}

function Table({ settings, text, onText }: { settings: readonly Known[]; text: string; onText: (text: string) => void }) {
  const shown = useMemo(() => { const wanted = text.toLowerCase(); return settings.filter((one) => `${one.key} ${one.meaning}`.toLowerCase().includes(wanted)); }, [settings, text]);
  return (
    <>
      <label class="field settings-find"><span class="sr-only">Find a setting</span><input type="search" placeholder="Find a setting" value={text} onInput={(event) => onText(event.currentTarget.value)} /></label>
      <DataTable label="Settings" rows={shown} rowKey={(one) => one.key} tone={(one) => (one.is_group ? "off" : undefined)}
        empty={<div class="frame"><EmptyState title="No setting fits">Look for a word of its meaning instead.</EmptyState></div>}
        columns={[
          { key: "key", label: "Key", cell: (one) => <code>{one.key}</code> },
          { key: "default", label: "Default", cell: (one) => (one.is_group ? "" : <code>{one.default ?? "needed"}</code>) },
          { key: "kind", label: "Write", hide: "narrow", cell: (one) => (one.is_group ? "" : one.kind) },
          { key: "meaning", label: "Meaning", hide: "narrow", cell: (one) => <span class="quiet-text"><Prose text={one.meaning} />{one.at_start && <> <span class="badge">at the next start</span></>}</span> },
        ]} />
    </>
  );
}
