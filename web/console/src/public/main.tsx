import { render } from "preact";
import "../styles/index.css";
import { PublicPlayground } from "./PublicPlayground";

render(<PublicPlayground />, document.getElementById("app")!);
