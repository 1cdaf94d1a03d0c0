import { useState } from "preact/hooks";
import { live } from "../api/live";
import { standing } from "../live/protocol";
import type { PriorityNumber, Status } from "../api/types";
import { code, t, useLanguage } from "../i18n";
import { clock, int, plantZone, span, zoneName } from "../lib/format";
import { has, logOut, me } from "../lib/me";
import { now, serverNow } from "../lib/now";
import { lang, theme } from "../lib/prefs";
import { go, href, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { toggleHelp } from "./help";
import { PriorityMark } from "./marks";

const PAGES = ["overview", "alarms", "orders", "connections"] as const;
const PRIORITIES: PriorityNumber[] = [1, 2, 3, 4];

export function focusSearch(): void {
  document.getElementById("search")?.focus();
}

export function Header({ page, status }: { page: string; status: Status | undefined }) {
  const below: Record<string, string> = { machine: "overview", vibration: "overview", start: "overview", trend: "overview", rules: "connections", devices: "connections", store: "connections" };
  const here = below[page] ?? page;
  return (
    <>
      <header class="top">
        <a class="brand" href={href(["overview"])} aria-label="Danxia 丹霞">
          <svg viewBox="0 0 32 22" aria-hidden="true">
            <path d="M2 20 10 6l4.5 7L21 2l9 18z" />
          </svg>
          <span>Danxia</span>
          <span class="brand-zh" lang="zh-CN">丹霞</span>
        </a>
        <nav aria-label={t("nav.pages")}>
          {PAGES.map((p) => (
            <a
              key={p}
              href={href([p])}
              data-testid={`nav-${p}`}
              aria-current={here === p ? "page" : undefined}
            >
              {code("nav", p)}
            </a>
          ))}
        </nav>
        <Search />
        <Waiting />
        <Stream />
        <PlantClock />
        <Switches />
        <WhoAmI page={page} />
      </header>
      <Banners status={status} />
    </>
  );
}

/** Unacknowledged alarms by priority; a zero stays pale, so that what is there stands out. */
function Waiting() {
  const { counts } = useStore(live);
  return (
    <a class="waiting" href={href(["alarms"], { tab: "unacknowledged" })} title={t("header.unacknowledged")}>
      <span class="sr">{t("header.unacknowledged")}</span>
      {PRIORITIES.map((p) => {
        const n = counts?.unacknowledged[`${p}`];
        return (
          <span key={p} class={n ? "some" : "none"} data-testid={`waiting-${p}`}>
            <PriorityMark priority={p} label={code("priority", String(p))} state={n ? "acknowledged" : "normal"} />
            <b>{n === undefined ? "–" : int(n)}</b>
          </span>
        );
      })}
    </a>
  );
}

/** How old the newest word from the server is. */
function Stream() {
  const s = useStore(live);
  const at = useStore(now);
  const age = s.heard === undefined ? undefined : Math.max(0, at - s.heard);
  const link = s.link === "paused" ? s.link : standing(s.link, s.heard, at);
  const word = code("stream", link);
  return (
    <span class={`stream l-${link}`} title={t("stream.about")} data-testid="stream">
      <i aria-hidden="true" />
      <span class="word">{word}</span>
      {age !== undefined && link !== "paused" && <span class="age">{span(age)}</span>}
    </span>
  );
}

/** Who is logged in, with the way out; nothing where nobody has to log in. */
function WhoAmI({ page }: { page: string }) {
  const who = useStore(me);
  if (!who || who.how === "open") return null;
  return (
    <span class="whoami" data-testid="whoami">
      {has(who, "administer") && (
        <a href={href(["admin"])} aria-current={page === "admin" ? "page" : undefined} data-testid="nav-admin">
          {t("admin.title")}
        </a>
      )}
      <a href={href(["account"])} aria-current={page === "account" ? "page" : undefined} title={t("account.title")}>
        {who.name} <small class="muted">{who.role && code("user_role", who.role)}</small>
      </a>
      {who.how === "session" && (
        <button type="button" onClick={() => void logOut().catch(() => undefined)} data-testid="log-out">
          {t("account.log_out")}
        </button>
      )}
    </span>
  );
}

function PlantClock() {
  useStore(now);
  const zone = useStore(plantZone);
  const at = serverNow();
  return (
    <span class="plant-clock" title={t("header.plant_time", { zone })}>
      <time>{clock(at)}</time> <span class="muted">{zoneName(at)}</span>
    </span>
  );
}

function Switches() {
  const l = useStore(lang);
  const dark = useStore(theme) === "dark";
  return (
    <span class="switches">
      <button
        type="button"
        data-testid="lang-switch"
        lang={l === "en" ? "zh-CN" : "en"}
        title={l === "en" ? "切换为中文" : "Switch to English"}
        onClick={() => void useLanguage(l === "en" ? "zh-CN" : "en")}
      >
        {l === "en" ? "中文" : "EN"}
      </button>
      <button
        type="button"
        data-testid="theme-switch"
        aria-pressed={dark}
        aria-label={t("header.dark")}
        title={t("header.dark")}
        onClick={() => theme.set(dark ? "light" : "dark")}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          {dark ? (
            <path d="M12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3 19 19M19 5l-1.7 1.7M6.7 17.3 5 19" />
          ) : (
            <path d="M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7z" />
          )}
        </svg>
      </button>
      <button type="button" class="help-button" aria-label={t("help.title")} title={t("help.title")} onClick={toggleHelp}>
        ?
      </button>
    </span>
  );
}

/** Searches machines on the overview, whatever page it is typed on. */
function Search() {
  const route = useRoute();
  const onOverview = (route.path[0] ?? "overview") === "overview";
  const [text, setText] = useState("");
  const value = onOverview ? (route.query["q"] ?? "") : text;
  const show = (q: string) => {
    if (onOverview) go(["overview"], { ...route.query, q });
    else setText(q);
  };
  return (
    <form
      role="search"
      class="search"
      onSubmit={(e) => {
        e.preventDefault();
        if (!onOverview) (go(["overview"], { q: text }), setText(""));
      }}
    >
      <label class="sr" for="search">
        {t("header.search")}
      </label>
      <input
        id="search"
        type="search"
        placeholder={t("header.search")}
        autocomplete="off"
        value={value}
        onInput={(e) => show(e.currentTarget.value)}
        onKeyDown={(e) => e.key === "Escape" && (show(""), e.currentTarget.blur())}
      />
    </form>
  );
}

function Banners({ status }: { status: Status | undefined }) {
  const level = status?.store.disk_level ?? "normal";
  const open = useStore(me)?.open ?? false;
  if (!status?.demo && !open && level === "normal") return null;
  return (
    <div class="banners">
      {level !== "normal" && (
        <p class={`banner disk ${level}`} role="status" data-testid="disk-banner">
          <strong>{code("disk_level", level)}</strong> {code("disk_level_means", level)}{" "}
          <a href={href(["store"])}>{t("banner.store")}</a>
        </p>
      )}
      {status?.demo && (
        <p class="banner demo" data-testid="demo-banner">
          <strong>{t("banner.demo_name")}</strong> {t("banner.demo")}
        </p>
      )}
      {open && (
        <p class="banner" data-testid="loopback-banner">
          {t("banner.loopback")} <a href={href(["admin"])}>{t("admin.title")}</a>
        </p>
      )}
    </div>
  );
}
