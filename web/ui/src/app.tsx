import { useEffect } from "preact/hooks";
import { get } from "./api/client";
import { hush, listen } from "./api/live";
import { useResource } from "./api/resource";
import type { Status } from "./api/types";
import { t } from "./i18n";
import { plantZone } from "./lib/format";
import { startKeys } from "./lib/keys";
import { lazy } from "./lib/lazy";
import { askMe, me, meProblem } from "./lib/me";
import { lang } from "./lib/prefs";
import { go, href, useRoute, type Route } from "./lib/router";
import { useStore } from "./lib/store";
import { Alarms } from "./pages/alarms";
import { Connections } from "./pages/connections";
import { Overview } from "./pages/overview";
import { Header, focusSearch } from "./parts/header";
import { Help, toggleHelp } from "./parts/help";
import { Empty, Loading, ProblemBox } from "./parts/states";

const Account = lazy(() => import("./pages/account").then((m) => m.Account));
const Admin = lazy(() => import("./pages/admin").then((m) => m.Admin));
const Entrance = lazy(() => import("./pages/entrance").then((m) => m.Entrance));
const NotSignedIn = lazy(() => import("./pages/entrance").then((m) => m.NotSignedIn));
const Devices = lazy(() => import("./pages/devices").then((m) => m.Devices));
const Discovery = lazy(() => import("./pages/discovery").then((m) => m.Discovery));
const Ledger = lazy(() => import("./pages/ledger").then((m) => m.Ledger));
const Machine = lazy(() => import("./pages/machine").then((m) => m.Machine));
const Performance = lazy(() => import("./pages/performance").then((m) => m.Performance));
const Quarantine = lazy(() => import("./pages/quarantine").then((m) => m.Quarantine));
const RulesPage = lazy(() => import("./pages/rules").then((m) => m.RulesPage));
const Start = lazy(() => import("./pages/start").then((m) => m.Start));
const Store = lazy(() => import("./pages/store").then((m) => m.Store));
const Work = lazy(() => import("./pages/work").then((m) => m.Work));
const Compare = lazy(() => import("./pages/trend").then((m) => m.Compare));
const Vibration = lazy(() => import("./pages/vibration").then((m) => m.Vibration));

let keysStarted = false;
function keysOnce(): void {
  if (keysStarted) return;
  keysStarted = true;
  startKeys(
    {
      o: () => go(["overview"]),
      a: () => go(["alarms"]),
      c: () => go(["connections"]),
      s: () => go(["store"]),
      m: () => goMachine(),
      p: () => go(["alarms", "performance"]),
      w: () => go(["orders"]),
      t: () => go(["trend"]),
    },
    { "/": focusSearch, "?": toggleHelp },
  );
}

/** The machine looked at last, so that `g m` leads back to it. */
let lastMachine: string[] | undefined;
function goMachine(): void {
  if (lastMachine) go(["machine", ...lastMachine]);
  else go(["overview"]);
}

/** The page, or what stands before it: the log-in, or the making of the first administrator. */
export function App() {
  useStore(lang);
  const who = useStore(me);
  const problem = useStore(meProblem);
  const { path } = useRoute();
  const outside = who?.how === "nobody" || (who?.open === true && path[0] === "setup");
  useEffect(() => {
    if (outside) hush();
  }, [outside]);
  if (who === undefined) {
    return <main id="main">{problem ? <ProblemBox problem={problem} retry={() => void askMe()} /> : <Loading />}</main>;
  }
  if (outside) return <Entrance open={who.open} />;
  return <Inside key={who.session ?? who.how} as={who.session ?? who.how} />;
}

function Inside({ as }: { as: string }) {
  useStore(lang);
  useStore(plantZone);
  const route = useRoute();
  const status = useResource<Status>("status", (s) => get("status", s), 15_000);
  const [page = "overview", site, machine] = route.path;
  const onMachine = (page === "machine" || page === "vibration") && site && machine;

  useEffect(keysOnce, []);
  useEffect(() => {
    if (status.data) plantZone.set(status.data.plant_time_zone);
  }, [status.data]);
  useEffect(() => {
    if (onMachine) lastMachine = [site, machine];
    listen(page === "machine" && onMachine ? `${site}/${machine}` : undefined, as);
  }, [page, site, machine, as]);
  useEffect(() => {
    document.title = `${pageTitle(route)} · Danxia 丹霞`;
  });

  return (
    <>
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), document.getElementById("main")?.focus())}>
        {t("nav.skip")}
      </a>
      <Header page={page} status={status.data} />
      <main id="main" tabIndex={-1} class={`page-${page}`}>
        {pageOf(route, status.data)}
      </main>
      <Help />
    </>
  );
}

function pageOf(route: Route, status: Status | undefined): preact.JSX.Element {
  const [page = "overview", ...rest] = route.path;
  const [first, second, ...more] = rest;
  if (page === "overview") return <Overview />;
  if (page === "alarms" && first === "performance") return <Performance />;
  if (page === "account") return <Account />;
  if (page === "admin") return <Admin tab={first ?? "users"} />;
  if (page === "alarms") return <Alarms selected={first} />;
  if (page === "connections" && first === "quarantine") return <Quarantine />;
  if (page === "connections" && first === "discovery") return <Discovery />;
  if (page === "connections" && first === "ledger") return <Ledger />;
  if (page === "connections") return <Connections status={status} />;
  if (page === "devices") return <Devices status={status} selected={first} />;
  if (page === "machine" && first && second) return <Machine site={first} machine={second} />;
  if (page === "rules") return <RulesPage />;
  if (page === "start") return <Start status={status} />;
  if (page === "sign-in") return <NotSignedIn why={route.query["why"] ?? ""} />;
  if (page === "store") return <Store />;
  if (page === "trend") return <Compare />;
  if (page === "orders") return <Work key={first ?? ""} number={first} />;
  if (page === "vibration" && first && second && more.length > 0)
    return <Vibration site={first} machine={second} point={more.join("/")} />;
  return (
    <Empty text={t("nav.nowhere")}>
      <a href={href(["overview"])}>{t("nav.overview")}</a>
    </Empty>
  );
}

function pageTitle(route: Route): string {
  const [page = "overview", below, machine, ...point] = route.path;
  if (page === "alarms" && below === "performance") return t("performance.title");
  if (page === "account") return t("account.title");
  if (page === "admin") return t("admin.title");
  if (page === "alarms") return t("nav.alarms");
  if (page === "connections" && below === "quarantine") return t("quarantine.title");
  if (page === "connections" && below === "discovery") return t("discovery.title");
  if (page === "connections" && below === "ledger") return t("ledger.title");
  if (page === "connections") return t("nav.connections");
  if (page === "rules") return t("rules.title");
  if (page === "start") return t("start.title");
  if (page === "store") return t("store.title");
  if (page === "trend") return t("compare.title");
  if (page === "orders") return below ? `#${below} · ${t("work.title")}` : t("work.title");
  if (page === "devices") return below ? `${below} · ${t("devices.title")}` : t("devices.title");
  if (page === "machine") return machine ?? t("nav.machine");
  if (page === "vibration") return `${t("nav.vibration")} ${machine ?? ""} ${point.join("/")}`;
  return t("nav.overview");
}
