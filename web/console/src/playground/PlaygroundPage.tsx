/** The playground as a page of the console: of this workspace, and able to send. */
import { useWorkspace } from "../api/workspace";
import { Playground } from "./Playground";

export default function PlaygroundPage() {
  return <Playground workspace={useWorkspace()} />;
}
