"use strict";
// Shows all calendars, notes what crosses over, and sends what is clicked; the daemon does the rest.

const POLL_MS = 700;
const GLOW_MS = 6000;
const NAMES = { google: "Google", crm: "the CRM" };
const OTHER = { google: "crm", crm: "google" };
const STATES = { active: "syncing", paused: "paused", reconnect: "needs a new link", braked: "deletions held",
  lost: "calendar lost", finishing: "ending", disconnected: "disconnected" };

const known = new Map(); // "ana google" -> Map(event id -> row)
const mine = new Map(); // what was clicked here, until it has shown: "ana google ID" -> true
const waiting = []; // changes that should show on the other side: {user, side, title, since}
const glowing = new Map(); // "ana google ID" -> {until, badge}
const ghosts = new Map(); // "ana google ID" -> {until, row}
let conflictsSeen = null;

const byId = (id) => document.getElementById(id);
const panel = (user, side) => document.querySelector(`article[data-user="${user}"] section[data-side=${side}]`);
const sum = (row) => JSON.stringify([row.title, row.location, Date.parse(row.start), Date.parse(row.end), row.private]);
const shown = (row) => row.title || "(no title)";

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

// -- what just happened ------------------------------------------------------------------------------------

function note(kind, text) {
  const list = byId("log");
  list.querySelector(".empty")?.remove();
  const line = element("li", kind);
  const now = new Date();
  const time = element("time", "", now.toLocaleTimeString());
  time.dateTime = now.toISOString();
  line.append(time, text);
  list.prepend(line);
  while (list.children.length > 40) list.lastChild.remove();
}

function noteArrival(person, side, verb, row) {
  const place = `${person.user} ${side} ${row.id}`;
  const who = person.name;
  if (mine.delete(place)) {
    note(side, `You ${verb} “${shown(row)}” in ${NAMES[side]} (${who}).`);
    return;
  }
  const index = waiting.findIndex((one) => one.user === person.user && one.side === side);
  const after = index < 0 ? "" : ` after ${((Date.now() - waiting.splice(index, 1)[0].since) / 1000).toFixed(1)} s`;
  note(side, `${OTHER[side] === "google" ? "Google → CRM" : "CRM → Google"}: “${shown(row)}” ${verb}${after} (${who}).`);
  glowing.set(place, { until: Date.now() + GLOW_MS, badge: `from ${NAMES[OTHER[side]]}` });
  const bridge = panel(person.user, side).parentElement.querySelector(".bridge");
  bridge.dataset.crossing = side;
  setTimeout(() => delete bridge.dataset.crossing, 2600);
}

function compare(person, side, rows) {
  const key = `${person.user} ${side}`;
  const before = known.get(key);
  const now = new Map(rows.map((row) => [row.id, row]));
  known.set(key, now);
  if (!before) return;
  for (const [id, row] of now) {
    const old = before.get(id);
    if (!old) noteArrival(person, side, "created", row);
    else if (sum(old) !== sum(row)) noteArrival(person, side, "changed", row);
  }
  for (const [id, row] of before) {
    if (now.has(id)) continue;
    noteArrival(person, side, "deleted", row);
    ghosts.set(`${key} ${id}`, { until: Date.now() + 2500, row });
  }
}

function noteConflicts(conflicts) {
  if (conflictsSeen !== null) {
    for (const one of conflicts.filter((each) => !conflictsSeen.has(each.id)))
      note("conflict", `Both sides changed the ${one.field} (${one.user}): kept “${one.kept}”, and put “${one.lost}” aside.`);
  }
  conflictsSeen = new Set(conflicts.map((one) => one.id));
}

// -- rows --------------------------------------------------------------------------------------------------

function when(row) {
  const day = { weekday: "short", day: "numeric", month: "short" };
  if (row.all_day) {
    const first = new Date(`${row.start}T00:00`), last = new Date(Date.parse(`${row.end}T00:00`) - 1);
    return new Intl.DateTimeFormat(undefined, day).formatRange(first, last) + ", all day";
  }
  const start = new Date(row.start), end = new Date(row.end);
  const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return `${start.toLocaleDateString(undefined, day)}, ${start.toLocaleTimeString(undefined, hour)}–${end.toLocaleTimeString(undefined, hour)}`;
}

function rowOf(user, side, row) {
  const place = `${user} ${side} ${row.id}`;
  const item = element("li");
  const glow = glowing.get(place);
  const open = element("button", "open");
  open.type = "button";
  const more = [when(row), row.location, row.repeats && "repeats", row.private && "private"].filter(Boolean).join(" · ");
  open.append(element("strong", "", shown(row)), element("span", "", more));
  open.setAttribute("aria-label", `Edit ${shown(row)}, ${more}`);
  item.append(open);
  if (ghosts.has(place)) {
    item.classList.add("gone");
    open.disabled = true;
    return item;
  }
  if (glow) {
    item.classList.add("fresh");
    open.querySelector("strong").append(element("b", "badge", glow.badge));
  }
  const remove = element("button", "remove", "✕");
  remove.type = "button";
  remove.setAttribute("aria-label", `Delete ${shown(row)}`);
  item.append(remove);
  open.onclick = () => edit(user, side, row);
  remove.onclick = () => change({ user, side, action: "delete", id: row.id });
  return item;
}

function showSide(person, side) {
  const list = panel(person.user, side).querySelector("ul");
  const key = `${person.user} ${side}`;
  const rows = [...person[side]];
  for (const [place, ghost] of ghosts) if (place.startsWith(`${key} `)) rows.push(ghost.row);
  rows.sort((a, b) => Date.parse(a.start) - Date.parse(b.start) || shown(a).localeCompare(shown(b)));
  const items = rows.map((row) => rowOf(person.user, side, row));
  if (!items.length) items.push(element("li", "empty", "Nothing here yet."));
  const markup = items.map((item) => item.outerHTML).join("");
  if (list.dataset.markup === markup) return; // unchanged: focus and hover stay where they are
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  list.dataset.markup = markup;
  list.replaceChildren(...items);
  if (focused) [...list.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === focused)?.focus();
}

// -- people ------------------------------------------------------------------------------------------------

function articleOf(person) {
  const found = document.querySelector(`article[data-user="${person.user}"]`);
  if (found) return found;
  const made = byId("person").content.cloneNode(true).querySelector("article");
  made.dataset.user = person.user;
  made.querySelector("h2").textContent = person.name;
  for (const section of made.querySelectorAll("section")) {
    const side = section.dataset.side;
    section.setAttribute("aria-label", `${person.name}: ${section.querySelector("h3").textContent}`);
    section.querySelector(".add").setAttribute("aria-label", `New event in ${NAMES[side]} for ${person.name}`);
    section.querySelector(".add").onclick = () => edit(person.user, side, null);
  }
  byId("people").append(made);
  return made;
}

function showAccount(article, account, crossing) {
  const state = account.state || "connecting";
  const label = article.querySelector(".state");
  const words = crossing && state === "active" ? "crossing over …" : STATES[state] || state;
  if (label.textContent !== words) label.textContent = words;
  label.dataset.state = state === "active" ? "active" : state === "paused" ? "paused" : "trouble";
  const details = [account.google_account, account.reason];
  if (account.conflicts) details.push(`${account.conflicts} settled conflict${account.conflicts > 1 ? "s" : ""}`);
  if (account.quarantined) details.push(`${account.quarantined} set aside`);
  article.querySelector(".detail").textContent = details.filter(Boolean).join(" · ");
  const button = article.querySelector(".pause");
  if (button.disabled) return;
  const paused = state === "paused";
  button.textContent = paused ? "Resume syncing" : "Pause syncing";
  button.onclick = async () => {
    button.disabled = true;
    await send("/pause", { user: article.dataset.user, paused: !paused });
    setTimeout(() => (button.disabled = false), 1500);
  };
}

function show(state) {
  const people = byId("people");
  if (people.getAttribute("aria-busy") === "true") {
    people.replaceChildren();
    people.removeAttribute("aria-busy");
  }
  const now = Date.now();
  for (const store of [glowing, ghosts]) for (const [place, one] of store) if (one.until < now) store.delete(place);
  for (const person of state.people) {
    person.name = person.user[0].toUpperCase() + person.user.slice(1);
    const article = articleOf(person);
    for (const side of ["google", "crm"]) compare(person, side, person[side]);
    for (const side of ["google", "crm"]) showSide(person, side);
    const late = waiting.findIndex((one) => now - one.since > 20000);
    if (late >= 0) waiting.splice(late, 1); // it changed nothing over there, or the person is paused
    showAccount(article, person.account, waiting.some((one) => one.user === person.user));
  }
  noteConflicts(state.conflicts);
  byId("mails").textContent = `Mails sent to guests so far: ${state.mails}.`;
}

// -- orders ------------------------------------------------------------------------------------------------

async function send(path, order) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order) });
    const document = await answer.json();
    trouble(answer.ok ? "" : `Not done: ${document.error || answer.status}.`);
    return answer.ok ? document : null;
  } catch {
    trouble("The demo does not answer any more. Was it stopped with Ctrl-C?");
    return null;
  }
}

async function change(order) {
  await asking; // so that no look of before the click shows what it did
  sending += 1;
  const expected = { user: order.user, side: OTHER[order.side], since: Date.now() };
  const done = await send("/change", order);
  sending -= 1;
  if (!done) return;
  mine.set(`${order.user} ${order.side} ${order.id || done.id}`, true);
  waiting.push(expected);
  await refresh();
}

function localTime(moment) {
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 16);
}

function nextHour() {
  const moment = new Date(Date.now() + 24 * 3600e3);
  moment.setHours(11, 0, 0, 0);
  return moment;
}

function edit(user, side, row) {
  const dialog = byId("editor"), form = dialog.querySelector("form"), fields = form.elements;
  dialog.dataset.side = side;
  byId("editor-title").textContent = `${row ? "Edit in" : "New event in"} ${NAMES[side]}`;
  const start = row && !row.all_day ? new Date(row.start) : nextHour();
  const minutes = row && !row.all_day ? (Date.parse(row.end) - Date.parse(row.start)) / 60000 : 60;
  fields.title.value = row ? row.title : "";
  fields.location.value = row ? row.location : "";
  fields.start.value = localTime(start);
  if (![...fields.minutes.options].some((option) => Number(option.value) === minutes))
    fields.minutes.append(new Option(`${minutes} minutes`, minutes));
  fields.minutes.value = minutes;
  fields.repeats.checked = fields.private.checked = false;
  if (row) fields.private.checked = row.private;
  const fixed = Boolean(row && (row.all_day || row.repeats));
  byId("times").hidden = fields.start.disabled = fixed;
  byId("repeats").hidden = Boolean(row);
  byId("private").hidden = side !== "google";
  const remark = form.querySelector(".note");
  remark.hidden = !(row && (row.repeats || row.all_day));
  remark.textContent = row && row.repeats ? "It repeats: the whole series is changed." : "It lasts all day.";
  form.querySelector(".delete").hidden = !row;
  form.querySelector(".delete").onclick = () => { dialog.close(); change({ user, side, action: "delete", id: row.id }); };
  form.querySelector(".cancel").onclick = () => dialog.close();
  form.onsubmit = () => {
    const order = { user, side, action: row ? "update" : "create", title: fields.title.value.trim(), location: fields.location.value };
    if (row) order.id = row.id;
    if (!row && fields.repeats.checked) order.repeats = true;
    if (side === "google") order.private = fields.private.checked;
    if (!fixed) Object.assign(order, { start: new Date(fields.start.value).toISOString(), minutes: Number(fields.minutes.value) });
    change(order);
  };
  dialog.showModal();
  fields.title.focus();
}

// -- the clock ---------------------------------------------------------------------------------------------

let asking = null;
let sending = 0;

function refresh() {
  if (sending) return Promise.resolve();
  asking ??= look().finally(() => (asking = null));
  return asking;
}

async function look() {
  try {
    const answer = await fetch("/state");
    if (!answer.ok) return;
    show(await answer.json());
    if (byId("trouble").textContent.startsWith("The demo")) trouble("");
  } catch {
    trouble("The demo does not answer any more. Was it stopped with Ctrl-C?");
  }
}

refresh();
setInterval(() => document.hidden || refresh(), POLL_MS);
