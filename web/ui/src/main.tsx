import { render } from "preact";
import { App } from "./app";
import { onBroken, startLive } from "./api/live";
import { useLanguage } from "./i18n";
import { askMe, startMe } from "./lib/me";
import { startClock } from "./lib/now";
import { lang, startPrefs } from "./lib/prefs";
import { startRouter } from "./lib/router";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/devices.css";
import "./styles/assessment.css";
import "./styles/work.css";

startPrefs();
startRouter();
startClock();
startLive();
onBroken.ask = () => void askMe();
startMe();
void useLanguage(lang.get()).then(() => {
  const root = document.getElementById("app");
  if (root) render(<App />, root);
});
