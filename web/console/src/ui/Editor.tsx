/**
 * A text editor with the language's colours: CodeMirror, in a shadow root, whose style sheets are adopted and so need no
 * exception from the Content-Security-Policy.
 *
 *     <Editor label="Query" language="sql" value={sql} onChange={setSql} onRun={run} schema={{ tracks: ["event"] }} />
 *
 * Tab indents; Escape and then Tab leaves the editor, as its description says. Import it from pages that are loaded when
 * they are opened: it is large.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type Completion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { Annotation, Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers, placeholder as placeholderOf } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useLayoutEffect, useRef, useId } from "preact/hooks";
import "./editor.css";

export type Language = "sql" | "json" | "javascript";

export interface Problem {
  /** Characters from 0. */
  from: number;
  to: number;
  message: string;
}

interface Props {
  label: string;
  language: Language;
  value: string;
  onChange?: (value: string) => void;
  /** At Ctrl Enter. */
  onRun?: () => void;
  /** Tables and their columns, for completion in SQL. */
  schema?: Record<string, Completion[]> | undefined;
  problem?: Problem | null | undefined;
  placeholder?: string;
  readOnly?: boolean;
}

/** Marks a text that the owner has put in. */
const fromOwner = Annotation.define<boolean>();

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--json-word)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--json-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--json-number)" },
  { tag: [tags.propertyName, tags.function(tags.variableName), tags.typeName], color: "var(--json-key)" },
  { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
]);

const LOOK = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "transparent", fontSize: "12.5px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.62", fontVariantLigatures: "none" },
  ".cm-content": { padding: "10px 0", caretColor: "var(--ink)" },
  ".cm-line": { padding: "0 14px 0 8px" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--faint)", border: "0" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 4px 0 14px", minWidth: "34px" },
  ".cm-placeholder": { color: "var(--faint)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-wash)" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-wash)", outline: "1px solid var(--accent)" },
  ".cm-tooltip": { border: "1px solid var(--line-strong)", borderRadius: "7px", backgroundColor: "var(--raised)", color: "var(--ink)", boxShadow: "var(--shadow)", overflow: "hidden" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "260px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 10px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { color: "var(--faint)", fontStyle: "normal", marginLeft: "1em" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-diagnostic": { padding: "6px 10px", borderLeft: "3px solid var(--bad)", fontFamily: "var(--sans)" },
  ".cm-lintRange-error": { backgroundImage: "none", borderBottom: "2px solid var(--bad)" },
});

const LANGUAGES: Record<Exclude<Language, "sql">, () => Extension> = { json, javascript: () => javascript() };

function languageOf(language: Language, schema: Props["schema"]): Extension {
  return language === "sql" ? sql({ dialect: PostgreSQL, ...(schema ? { schema } : {}), upperCaseKeywords: false }) : LANGUAGES[language]();
}

export function Editor({ label, language, value, onChange, onRun, schema, problem, placeholder = "", readOnly = false }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const speech = useRef(new Compartment());
  /** Texts told to the owner that it has not given back yet: while one types they come late, and must not undo a letter. */
  const told = useRef(new Set<string>());
  const latest = useRef({ onChange, onRun });
  latest.current = { onChange, onRun };
  const id = useId();

  useLayoutEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: "open" });
    const made = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), autocompletion(), lintGutter(),
          syntaxHighlighting(COLOURS), LOOK, placeholderOf(placeholder), EditorView.lineWrapping,
          EditorState.readOnly.of(readOnly),
          speech.current.of(languageOf(language, schema)),
          keymap.of([
            { key: "Mod-Enter", run: () => { latest.current.onRun?.(); return true; } },
            ...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, indentWithTab, ...defaultKeymap,
          ]),
          EditorView.contentAttributes.of({ "aria-label": `${label}. Press Escape, then Tab, to leave the editor.`, "aria-multiline": "true" }),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || update.transactions.some((one) => one.annotation(fromOwner))) return;
            const text = update.state.doc.toString();
            told.current.add(text);
            latest.current.onChange?.(text);
          }),
        ],
      }),
    });
    view.current = made;
    return () => { made.destroy(); view.current = null; };
  }, []);

  useEffect(() => {
    const now = view.current;
    if (!now) return;
    if (now.state.doc.toString() === value) { told.current.clear(); return; }
    if (told.current.has(value)) return;
    now.dispatch({ changes: { from: 0, to: now.state.doc.length, insert: value }, annotations: fromOwner.of(true) });
  }, [value]);
  useEffect(() => { view.current?.dispatch({ effects: speech.current.reconfigure(languageOf(language, schema)) }); }, [language, schema]);
  useEffect(() => {
    const now = view.current;
    if (!now) return;
    const end = now.state.doc.length;
    const found: Diagnostic[] = problem ? [{ from: Math.min(problem.from, end), to: Math.min(Math.max(problem.to, problem.from + 1), end), severity: "error", message: problem.message }] : [];
    now.dispatch(setDiagnostics(now.state, found));
  }, [problem, value]);

  return <div class="editor-box" id={id} ref={host} data-label={label} />;
}
