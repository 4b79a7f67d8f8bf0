// Keys of the review queue: j and k walk the rows, Enter opens one, 1 to 5 choose the view, / filters.
(() => {
  const root = document.querySelector("[data-queue]");
  if (!root) return;
  const rows = [...root.querySelectorAll("[data-row]")];
  let at = -1;
  const go = index => {
    if (!rows.length) return;
    at = Math.min(rows.length - 1, Math.max(0, index));
    rows.forEach((row, number) => row.toggleAttribute("data-current", number === at));
    rows[at].querySelector("a").focus();
    rows[at].scrollIntoView({ block: "nearest" });
  };
  const keys = { j: () => go(at + 1), k: () => go(at - 1), "/": () => root.querySelector("#tsearch").focus() };
  root.querySelectorAll("[data-view]").forEach(tab => { keys[tab.dataset.view] = () => tab.click(); });
  window.anamnesisKeys(root, keys);
})();
