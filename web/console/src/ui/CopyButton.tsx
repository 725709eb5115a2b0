import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { CheckIcon, CopyIcon } from "./icons";

interface Props {
  /** What to copy; a function is asked at the click. */
  text: string | (() => string);
  label: string;
  icon?: ComponentChildren;
  /** Show the icon alone; the label is then its name. */
  quiet?: boolean;
  title?: string;
}

/** A button that puts a text on the clipboard and says so for a moment. */
export function CopyButton({ text, label, icon, quiet = false, title }: Props) {
  const [state, setState] = useState<"idle" | "done" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 1600);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () =>
    copyText(typeof text === "function" ? text() : text).then(
      () => setState("done"),
      () => setState("failed"),
    );
  const word = state === "done" ? "Copied" : state === "failed" ? "Copying was refused" : label;
  return (
    <button type="button" class={quiet ? "button quiet square" : "button"} onClick={copy}
      title={title ?? (quiet ? label : undefined)} aria-label={quiet ? word : undefined}>
      {state === "done" ? <CheckIcon /> : (icon ?? <CopyIcon />)}
      {!quiet && <span aria-live="polite">{word}</span>}
    </button>
  );
}

/** The clipboard API exists on https and localhost only; a selection works everywhere. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copying was refused");
}
