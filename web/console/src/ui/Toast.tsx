/**
 * A word about something that was done, at the foot of the page for a few seconds.
 *
 *     toast("Paused CRM");        toast(messageOf(error), "bad");
 *
 * Errors that people have to read stay until they are closed; better still they stand where the error is.
 */
import { Emitter, useChanges } from "./emitter";
import { CloseIcon, OkayIcon, WarningIcon } from "./icons";

interface Message {
  id: number;
  text: string;
  tone: "good" | "bad";
}

const SHOWN_MS = 4000;

class Toasts extends Emitter {
  messages: Message[] = [];
  private count = 0;

  add(text: string, tone: Message["tone"]): void {
    const id = ++this.count;
    this.messages = [...this.messages.slice(-3), { id, text, tone }];
    if (tone === "good") setTimeout(() => this.remove(id), SHOWN_MS);
    this.emit();
  }

  remove(id: number): void {
    this.messages = this.messages.filter((message) => message.id !== id);
    this.emit();
  }
}

const toasts = new Toasts();

export function toast(text: string, tone: "good" | "bad" = "good"): void {
  toasts.add(text, tone);
}

/** Where toasts appear; the frame of the console has it once. */
export function ToastHost() {
  useChanges(toasts);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.messages.map((message) => (
        <div key={message.id} class={`toast ${message.tone}`}>
          {message.tone === "good" ? <OkayIcon /> : <WarningIcon />}
          <span>{message.text}</span>
          <button type="button" class="button quiet square" aria-label="Dismiss" onClick={() => toasts.remove(message.id)}><CloseIcon /></button>
        </div>
      ))}
    </div>
  );
}
