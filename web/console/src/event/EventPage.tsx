/** The story of one message id, from the call to the last destination: `/events/:id`. */
import { useState } from "preact/hooks";
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import type { PageProps } from "../routes";
import { TypeChip, unnamed } from "../live/labels";
import { CopyButton } from "../ui/CopyButton";
import { clock } from "../ui/format";
import { LinkIcon, SearchIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Page, useTitle } from "../ui/PageHeader";
import { useQueryParam } from "../ui/router";
import { EmptyState, Fetched } from "../ui/states";
import { Segments } from "../ui/Tabs";
import { Story } from "./Story";
import type { StoryOf } from "./story";
import "./event.css";

const EVERY_MS = 3000;

export default function EventPage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const workspace = useWorkspace();
  const trace = useResource<{ stories: StoryOf[] }>(`/api/trace/${encodeURIComponent(id)}`, { everyMs: EVERY_MS });
  const stories = trace.data?.stories ?? [];
  const [wanted, setChosen] = useQueryParam("call");
  const first = Math.max(0, stories.findIndex((story) => story.outcome === "event"));
  const chosen = Math.min(stories.length - 1, wanted && /^\d{1,3}$/.test(wanted) ? Number(wanted) : first);
  const story = stories[chosen];
  const title = story ? story.name || unnamed(story.outcome, story.type) : "Event";
  useTitle(title);
  return (
    <Page title={<span class="event-title">{story && <TypeChip type={story.type} />}<span>{title}</span></span>} back={{ href: "/live", label: "Live" }}
      note={story && <>{sourceName(workspace, story.source)}<code class="ellipsis event-id" title={id}>{id}</code></>}
      actions={<CopyButton label="Copy link" icon={<LinkIcon />} text={() => location.href} />}>
      <Fetched resource={trace}>
        {() => !story ? <Unknown id={id} /> : (
          <>
            {stories.length > 1 && (
              <div class="event-calls">
                <span>{stories.length} calls came with this id</span>
                <Segments label="Call" value={String(chosen)} options={stories.map((each, i) => ({ value: String(i), label: `${WORDS[each.outcome]} ${clock(new Date(each.received_at_ms).toISOString())}` }))} onChange={setChosen} />
              </div>
            )}
            <Story key={chosen} story={story} workspace={workspace} onChange={trace.reload} />
          </>
        )}
      </Fetched>
    </Page>
  );
}

const WORDS = { event: "Accepted", quarantined: "Quarantined", dropped: "Left out" } as const;

function Unknown({ id }: { id: string }) {
  const [text, setText] = useState("");
  return (
    <EmptyState title="Nothing is known of this id" icon={<SearchIcon />} action={
      <form class="event-find" onSubmit={(submit) => submit.preventDefault()}>
        <label class="field"><span class="sr-only">Another message id</span><input type="text" value={text} placeholder="Another message id" onInput={(event) => setText(event.currentTarget.value)} /></label>
        <Link class="button" href={text.trim() ? `/events/${encodeURIComponent(text.trim())}` : "/live"}>{text.trim() ? "Look it up" : "To the live view"}</Link>
      </form>
    }>No call came with <code>{id}</code>, or it is older than the log keeps.</EmptyState>
  );
}
