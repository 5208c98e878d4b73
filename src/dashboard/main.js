// Puts the page together: the wall from the address, the feed that keeps it true, the dialogs.

import { Board } from "./board.js";
import { Chart } from "./chart.js";
import { Editor } from "./editor.js";
import { Feed } from "./feed.js";
import { clock, duration } from "./format.js";
import { Search } from "./search.js";
import { Servers } from "./servers.js";
import { isSignedIn, signIn, signOut } from "./session.js";
import * as walls from "./wall.js";

const $ = (id) => document.getElementById(id);
let wall = walls.read(location.hash);
let link = { state: "new", since: Date.now() };

const editor = new Editor(() => wall, changed);
const search = new Search(() => wall, changed);
const servers = new Servers($("servers"), $("server-template"));
const templates = { tile: $("tile-template"), group: $("group-template") };
const board = new Board($("wall"), templates, (tile) => setChart({ chart: tile.pin.text }));
const chart = new Chart({
  tile: (text) => board.tile(text),
  isUp: () => link.state === "up",
  edit: (tile) => editor.open(tile),
  changed: setChart,
});
const feed = new Feed({
  told: (text, statistic) => board.tell(text, statistic),
  refused: (text, detail) => board.refuse(text, detail),
  link(isUp, since) {
    link = { state: isUp ? "up" : "lost", since };
    board.setLink(isUp);
    showLink();
  },
  signIn: askToSignIn,
});

/** The wall was changed by the person: the address follows. */
function changed() {
  history.replaceState(null, "", `#${walls.write(wall)}`);
  show();
}

/** Another chart, another span, or none. */
function setChart(settings) {
  const before = walls.write(wall);
  Object.assign(wall, settings);
  if (walls.write(wall) !== before) changed();
}

/** The address was changed: the wall follows. */
function addressed() {
  wall = walls.read(location.hash);
  show();
}

function show() {
  document.documentElement.dataset.theme = wall.theme;
  document.documentElement.dataset.size = wall.size;
  $("theme").value = wall.theme;
  $("size").value = wall.size;
  const pins = walls.pins(wall);
  $("empty").hidden = pins.length > 0;
  board.arrange(wall);
  feed.follow(pins.map((pin) => pin.text));
  chart.sync(wall);
}

function showLink() {
  const [doubts, count] = board.doubts();
  document.documentElement.dataset.link = link.state;
  const gone = duration((Date.now() - link.since) / 1000);
  const words = {
    new: "connecting",
    up: doubts === 0 ? "live" : `live, ${doubts} of ${count} not confirmed`,
    lost: `connection lost since ${clock(link.since)} (${gone})`,
  }[link.state];
  if ($("link").textContent !== words) $("link").textContent = words;
}

function askToSignIn() {
  feed.stop();
  servers.stop();
  $("leave").hidden = true;
  if (!$("sign-in").open) $("sign-in").showModal();
}

function begin() {
  $("leave").hidden = !isSignedIn();
  feed.start();
  servers.start();
}

$("sign-in").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fault = $("sign-in").querySelector(".fault");
  fault.textContent = "";
  try {
    await signIn($("user").value, $("password").value);
    $("password").value = "";
    $("sign-in").close();
    begin();
  } catch (error) {
    fault.textContent = error.message;
  }
});
// Behind it there is nothing that could be shown.
$("sign-in").addEventListener("cancel", (event) => event.preventDefault());

$("leave").addEventListener("click", () => {
  signOut();
  // What was shown goes with who may see it.
  location.reload();
});
$("add").addEventListener("click", () => search.open());
for (const setting of ["theme", "size"]) {
  $(setting).addEventListener("change", (event) => {
    wall[setting] = event.target.value;
    changed();
  });
}
addEventListener("hashchange", addressed);
addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea, dialog");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  search.open();
});
setInterval(showLink, 1000);

show();
showLink();
begin();
