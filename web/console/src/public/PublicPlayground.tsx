/** The playground as a page for everybody: `trackway playground` serves it. It has no console around it and cannot send. */
import { Playground } from "../playground/Playground";
import { CodeBlock } from "../ui/CodeBlock";
import { Logo } from "../ui/icons";
import { Section } from "../ui/PageHeader";
import { ThemeSwitch } from "../ui/ThemeSwitch";
import { ToastHost } from "../ui/Toast";
import "./public.css";

const START = "make run      # in the folder of its source: sets up and starts everything, console on :8081";

export function PublicPlayground() {
  return (
    <div class="public">
      <header class="public-head">
        <a class="brand" href="/"><Logo /><span>Trackway</span></a>
        <ThemeSwitch />
      </header>
      <main>
        <Playground workspace={null} actions={<a class="button primary" href="#run">Run Trackway to send it</a>}>
          <div id="run">
            <Section title="Run Trackway" note="The page you are on sends nothing">
              <p class="public-run">Trackway takes calls like this one from Segment’s own clients, keeps them, and hands them to destinations and
                a warehouse. It runs on your own machine. Its console has this page too: there it knows your destinations and your
                tracking plan, and sends a call for real.</p>
              <CodeBlock label="Linux or macOS, Python 3.11+, Node 20+" code={START} />
            </Section>
          </div>
        </Playground>
      </main>
      <ToastHost />
    </div>
  );
}
