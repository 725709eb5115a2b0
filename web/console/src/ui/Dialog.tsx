/**
 * Dialogs over the page: the browser's own `<dialog>`, which keeps the focus inside and closes at Escape.
 *
 *     <Dialog title="Release 21 events" onClose={close} actions={<button …>}>…</Dialog>
 *
 *     if (await confirm({ title: "Pause CRM?", body: "Events wait in the log.", action: "Pause" })) …
 *
 * `tone: "bad"` of `confirm` is for what cannot be undone.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { CloseIcon } from "./icons";

interface DialogProps {
  title: ComponentChildren;
  onClose: () => void;
  children: ComponentChildren;
  actions?: ComponentChildren;
  wide?: boolean;
}

export function Dialog({ title, onClose, children, actions, wide = false }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current!.showModal();
    return () => before?.focus();
  }, []);
  return (
    <dialog ref={dialog} class={wide ? "dialog wide" : "dialog"} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }}
      onClick={(click) => { if (click.target === dialog.current) onClose(); }}>
      <div class="dialog-inner">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="button quiet square" aria-label="Close" onClick={onClose}><CloseIcon /></button>
        </header>
        <div class="dialog-body">{children}</div>
        {actions && <footer class="dialog-actions">{actions}</footer>}
      </div>
    </dialog>
  );
}

export interface Question {
  title: string;
  body?: ComponentChildren;
  /** The word on the button that does it. */
  action: string;
  tone?: "bad";
}

let ask: ((question: Question, answer: (yes: boolean) => void) => void) | null = null;

/** Ask before something happens; true when people want it. */
export function confirm(question: Question): Promise<boolean> {
  return new Promise((answer) => (ask ? ask(question, answer) : answer(false)));
}

/** Where `confirm` asks; the frame of the console has it once. */
export function ConfirmHost() {
  const [open, setOpen] = useState<{ question: Question; answer: (yes: boolean) => void } | null>(null);
  useEffect(() => {
    ask = (question, answer) => setOpen({ question, answer });
    return () => { ask = null; };
  }, []);
  if (!open) return null;
  const { question, answer } = open;
  const end = (yes: boolean) => { setOpen(null); answer(yes); };
  return (
    <Dialog title={question.title} onClose={() => end(false)} actions={
      <>
        <button type="button" class="button" onClick={() => end(false)}>Cancel</button>
        <button type="button" class={question.tone === "bad" ? "button danger" : "button primary"} onClick={() => end(true)}>{question.action}</button>
      </>
    }>{question.body}</Dialog>
  );
}
