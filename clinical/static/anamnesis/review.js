// Keyboard review and evidence jumps. Without it every action is still a link or a form button.
(() => {
  const root = document.querySelector("[data-review]");
  if (!root) return;
  const live = root.querySelector("[data-live]"), trouble = document.querySelector("[data-trouble]");
  const turns = () => [...root.querySelectorAll(".turn")], cards = () => [...root.querySelectorAll("[data-card]")];
  const current = list => list.find(one => one.classList.contains("cur"));
  const waits = card => card.dataset.state === "published";
  let lastDecided = null, leaving = false;

  const mark = (list, one, block = "nearest") => {
    list.forEach(other => other.classList.toggle("cur", other === one));
    one?.scrollIntoView({ block });
  };
  const step = (list, by) => {
    const at = list.indexOf(current(list));
    mark(list, list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))]);
  };
  const choose = (card, focus = true) => {
    if (!card) return;
    mark(cards(), card);
    const evidence = [...card.querySelectorAll(".ev")].map(link => link.getAttribute("href").slice(1));
    turns().forEach(turn => turn.classList.toggle("lit", evidence.includes(turn.id)));
    live.textContent = card.querySelector("h3").textContent;
    if (focus) card.focus({ preventScroll: true });
  };
  const walk = by => {
    const list = cards();
    if (list.length) choose(list[(list.indexOf(current(list)) + by + list.length) % list.length]);
  };
  const jump = id => {
    const turn = document.getElementById(id);
    if (!turn?.classList.contains("turn")) return false;
    mark(turns(), turn, "center");
    history.replaceState(history.state, "", `#${id}`);
    return true;
  };
  const card = () => current(cards()) ?? cards()[0];
  const press = selector => { const one = card()?.querySelector(selector); one?.click(); return Boolean(one); };
  const unfold = name => {
    const box = card()?.querySelector(`details[data-do=${name}]`);
    if (!box) return false;
    card().querySelectorAll("details").forEach(other => { other.open = other === box && !box.open; });
    if (!box.open) return true;
    box.querySelector("textarea")?.focus();
    box.scrollIntoView({ block: "nearest" });
    return true;
  };
  const reason = number => () => {
    const one = card()?.querySelector(`details[data-do=dismiss][open] [data-reason="${number}"]`);
    if (!one) return false;
    if (one.matches("input")) one.focus(); else one.click();
  };
  const undo = () => {
    const before = lastDecided && document.getElementById(lastDecided);
    const one = card()?.querySelector("[data-do=undo]") ?? before?.querySelector("[data-do=undo]");
    one?.click();
    return Boolean(one);
  };

  root.addEventListener("click", event => {
    const link = event.target.closest("a[href^='#s-']");
    if (link && jump(link.getAttribute("href").slice(1))) event.preventDefault();
    const flag = event.target.closest("a[href^='#i-']");
    if (flag) { event.preventDefault(); choose(document.getElementById(flag.getAttribute("href").slice(1))); }
    const inside = event.target.closest("[data-card]");
    if (inside && !flag) choose(inside, false);
  });
  root.querySelector("[data-strip]")?.addEventListener("click", event => {
    const id = event.target.dataset.goto;
    if (id && !jump(id)) location.assign(`?from=${id.slice(2)}#${id}`);
  });
  const keys = {
    j: () => step(turns(), 1), k: () => step(turns(), -1), n: () => walk(1), p: () => walk(-1),
    g: () => press(".ev"), a: () => press("[data-do=accept]"), e: () => unfold("edit"), d: () => unfold("dismiss"), u: undo,
    "/": () => root.querySelector("#tsearch")?.focus(),
    "[": window.anamnesisFollow("[data-previous]"), "]": window.anamnesisFollow("[data-next]"),
  };
  for (const number of [1, 2, 3, 4, 5]) keys[number] = reason(number);
  window.anamnesisKeys(root, keys);

  // What is typed and not saved: the browser asks before it is lost.
  const dirty = () => [...root.querySelectorAll("[data-card] textarea, [data-card] input[type=text]")]
    .some(field => field.value !== field.defaultValue);
  addEventListener("submit", () => { leaving = true; });
  addEventListener("beforeunload", event => { if (dirty() && !leaving) event.preventDefault(); });

  // Answers of htmx. A card that was decided gives way to the next one that waits.
  const say = words => { trouble.textContent = words; trouble.hidden = !words; };
  document.body.addEventListener("htmx:beforeRequest", () => { leaving = false; });
  document.body.addEventListener("htmx:beforeSwap", event => {
    if (!event.detail.xhr.responseURL.includes("/login/")) return;
    event.detail.shouldSwap = false;
    say("You are signed out. Nothing is lost: sign in in another tab, then press the button again.");
  });
  const failed = event => {
    const status = event.detail.xhr?.status;
    say(`Not saved: ${status ? `the server answered ${status}` : "the server did not answer"}. Your words are still here; try again.`);
  };
  document.body.addEventListener("htmx:responseError", failed);
  document.body.addEventListener("htmx:sendError", failed);
  document.body.addEventListener("htmx:afterSettle", event => {
    const swapped = event.detail.elt.closest?.("[data-card]");
    if (!swapped) return;
    const kept = document.getElementById(swapped.id);
    const refused = kept.querySelector(".problem");
    if (!refused) say("");
    if (waits(kept) || refused) { choose(kept); return; }
    lastDecided = kept.id;
    const list = cards(), after = list.slice(list.indexOf(kept) + 1);
    choose(after.find(waits) ?? list.find(waits) ?? kept);
  });

  if (location.hash.startsWith("#s-")) jump(location.hash.slice(1));
  choose(document.getElementById(location.hash.slice(1))?.closest("[data-card]") ?? cards().find(waits) ?? cards()[0], false);
})();
