// Single keys for the screens. Progressive enhancement only: every action is also a link or a form button.
// They are off in fields, and for whoever has turned them off (data-keys on the screen).
(() => {
  const dialog = document.querySelector("#keys");
  const openDialog = () => dialog?.showModal();
  document.addEventListener("click", event => {
    if (event.target.closest("[data-open-keys]") && dialog) { event.preventDefault(); openDialog(); }
  });
  const inField = target => target.closest("input, textarea, select, [contenteditable]");
  window.anamnesisKeys = (root, keys) => {
    document.addEventListener("keydown", event => {
      const field = inField(event.target);
      if (field && event.key === "Escape") { field.blur(); return; }
      if (field && event.key === "Enter" && event.ctrlKey) { event.preventDefault(); field.form?.requestSubmit(); return; }
      if (field || dialog?.open || event.ctrlKey || event.metaKey || event.altKey || root.dataset.keys === "off") return;
      const act = event.key === "?" ? openDialog : keys[event.key];
      if (act && act(event) !== false) event.preventDefault();
    });
  };
  window.anamnesisFollow = selector => () => document.querySelector(selector)?.click();
})();
