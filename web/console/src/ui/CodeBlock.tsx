/**
 * Text for a terminal, an editor or a file, with a button that copies it.
 *
 *     <CodeBlock label="curl" code={line} />           <CodeBlock code={yaml} onDownload={() => download("plan.yaml", yaml)} />
 */
import type { ComponentChildren } from "preact";
import { CopyButton } from "./CopyButton";
import { DownloadIcon } from "./icons";

interface Props {
  code: string;
  /** What it is; stands above it. */
  label?: ComponentChildren;
  /** Break long lines instead of scrolling sideways. */
  wrap?: boolean;
  onDownload?: () => void;
}

export function CodeBlock({ code, label, wrap = false, onDownload }: Props) {
  return (
    <figure class="code-block">
      <figcaption>
        <span>{label}</span>
        {onDownload && <button type="button" class="button quiet" onClick={onDownload}><DownloadIcon />Download</button>}
        <CopyButton text={code} label="Copy" />
      </figcaption>
      <pre tabIndex={0} class={wrap ? "wrap" : undefined}><code>{code}</code></pre>
    </figure>
  );
}

/** Save a text as a file. */
export function download(name: string, text: string, type = "text/plain"): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
